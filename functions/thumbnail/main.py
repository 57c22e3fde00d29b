"""The function `thumbnail`: its entry."""

from functions.runtime import function
from functions.thumbnail.work import thumbnail

handle = function("thumbnail", thumbnail, warm=("functions.thumbnail.render",))
