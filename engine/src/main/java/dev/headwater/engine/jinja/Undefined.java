package dev.headwater.engine.jinja;

/** The value of a name, key or attribute that isn't there: empty text, false, and an error once it is used further. */
record Undefined(String name) {
    TemplateException error() {
        return new TemplateException("'" + name + "' is undefined");
    }
}
