//! What a person does who opens a page and presses its button.

use reqwest::Response;
use url::Url;

pub struct Browser(reqwest::Client);

/// A page, and where it is.
pub struct Page {
    pub status: u16,
    pub at: Url,
    pub html: String,
}

impl Browser {
    pub fn new() -> Self {
        let client = reqwest::Client::builder()
            .no_proxy()
            .user_agent("Mozilla/5.0")
            .redirect(reqwest::redirect::Policy::none())
            .build();
        Self(client.expect("a client"))
    }

    pub async fn open(&self, url: &str) -> Page {
        page(self.0.get(url).send().await.expect("a page")).await
    }

    /// Presses the button of the page's form.
    async fn submit(&self, page: &Page) -> Response {
        let (_, form) = page.html.split_once("<form").expect("a form");
        let action = attribute(form, "action").expect("where to");
        let mut fields = url::form_urlencoded::Serializer::new(String::new());
        for tag in form.split('<').skip(1) {
            if let (Some(name), Some(value)) = (attribute(tag, "name"), attribute(tag, "value")) {
                fields.append_pair(&name, &value);
            }
        }
        let to = page.at.join(&action).expect("a URL");
        self.0
            .post(to)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(fields.finish())
            .send()
            .await
            .expect("an answer")
    }

    /// From the page that `setup` shows to where GitHub leads in the end, which is not opened yet.
    pub async fn register(&self, shown: &str) -> Url {
        let shown = self.open(shown).await;
        let confirm = page(self.submit(&shown).await).await;
        assert_eq!(confirm.status, 200, "{}", confirm.html);
        let done = self.submit(&confirm).await;
        assert_eq!(done.status(), 302, "{}", done.text().await.expect("a page"));
        let to = done.headers()["location"].to_str().expect("a URL");
        to.parse().expect("a URL")
    }
}

async fn page(answer: Response) -> Page {
    Page {
        status: answer.status().as_u16(),
        at: answer.url().clone(),
        html: answer.text().await.expect("a page"),
    }
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
    let (value, _) = rest.split_once('"')?;
    let text = value
        .replace("&quot;", "\"")
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&");
    Some(text)
}
