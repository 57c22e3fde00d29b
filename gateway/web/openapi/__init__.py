"""The OpenAPI 3.1 document of the public listener: routes from the URL map, schemas from the pydantic models, words and examples from here.

It only describes: no request and no answer goes through it.
"""
