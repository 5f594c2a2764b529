//! A page with one button, which posts the manifest to GitHub: a link cannot. No script, nothing of another host.

use serde_json::Value;

pub(super) fn register(post_to: &str, manifest: &Value) -> String {
    html(
        "Register a GitHub App for Bindery",
        &format!(
            "<p>GitHub will show what the App may do, and ask you to confirm it.</p>\
             <form method=\"post\" action=\"{}\">\
             <input type=\"hidden\" name=\"manifest\" value=\"{}\">\
             <button>Register on GitHub</button></form>",
            escape(post_to),
            escape(&manifest.to_string())
        ),
    )
}

pub(super) fn say(title: &str, text: &str) -> String {
    html(title, &format!("<p>{}</p>", escape(text)))
}

fn html(title: &str, body: &str) -> String {
    let title = escape(title);
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>{title}</title></head>\
         <body><main><h1>{title}</h1>{body}</main></body></html>\n"
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn nothing_of_a_manifest_ends_the_attribute_that_it_is_in() {
        let page = register("https://x/?a=1&b=2", &json!({"name": "a\"><script>"}));
        assert!(page.contains("a=1&amp;b=2"));
        assert!(
            !page.contains("<script>") && page.contains("&quot;name&quot;"),
            "{page}"
        );
    }
}
