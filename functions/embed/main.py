"""The function `embed`: its entry."""

from functions.embed.models import warm
from functions.embed.work import embed
from functions.runtime import function

handle = function("embed", embed, warm=("functions.embed.still",))
warm()
