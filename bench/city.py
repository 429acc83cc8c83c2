"""A city of nothing, for parts that read no table of it."""

from config.schema import City, Routing, Templates

NOWHERE = City(
    districts=(),
    places=(),
    departments=(),
    topics=(),
    faqs=(),
    routing=Routing(rules=(), kinds=(), urgent=(), elsewhere=()),
    words=Templates(letters={}, states={}, kinds={}),
)
