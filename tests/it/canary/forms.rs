//! A secret, in every form in which it could get out.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

/// Secrets by what they are, each in all its forms.
#[derive(Default)]
pub(super) struct Secrets(Vec<(String, Vec<String>)>);

impl Secrets {
    pub(super) fn add(&mut self, what: &str, secret: &str) {
        assert!(
            secret.len() >= 12,
            "{what} is too short to be told from other words"
        );
        self.0.push((what.to_owned(), forms(secret)));
    }

    /// A key is its lines: each of them is enough to know it by.
    pub(super) fn add_pem(&mut self, what: &str, pem: &str) {
        for line in pem
            .lines()
            .filter(|line| !line.starts_with("-----") && line.len() > 40)
        {
            self.add(what, line);
        }
    }

    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    /// One that a text tells, and how.
    pub(super) fn told_by(&self, text: &str) -> Option<(&str, &str)> {
        self.0.iter().find_map(|(what, forms)| {
            let form = forms.iter().find(|form| text.contains(form.as_str()))?;
            Some((what.as_str(), form.as_str()))
        })
    }

    #[track_caller]
    pub(super) fn assert_untold(&self, place: &str, text: &str) {
        let Some((what, form)) = self.told_by(text) else {
            return;
        };
        let at = text.find(form).unwrap_or_default();
        let start = text.floor_char_boundary(at.saturating_sub(200));
        let end = text.ceil_char_boundary((at + form.len() + 200).min(text.len()));
        panic!(
            "{place} tells the {what} as {form:?}: …{}…",
            &text[start..end]
        );
    }
}

fn forms(secret: &str) -> Vec<String> {
    let json = serde_json::to_string(secret).expect("a text");
    let mut forms = vec![
        secret.to_owned(),
        json.trim_matches('"').to_owned(),
        format!("{secret:?}").trim_matches('"').to_owned(),
        secret
            .chars()
            .map(|c| format!("\\u{:04x}", u32::from(c)))
            .collect(),
        hex::encode(secret),
        hex::encode_upper(secret),
        utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string(),
        url::form_urlencoded::byte_serialize(secret.as_bytes()).collect(),
        format!("{:?}", secret.as_bytes())
            .trim_matches(['[', ']'])
            .to_owned(),
    ];
    for before in 0..3 {
        forms.extend(within_base64(secret, before));
    }
    forms.sort();
    forms.dedup();
    forms
}

/// What is the same in the base64 of every text in which the secret begins at this place of three.
fn within_base64(secret: &str, before: usize) -> [String; 2] {
    let bytes: Vec<u8> = vec![0; before].into_iter().chain(secret.bytes()).collect();
    let whole = bytes.len() / 3 * 3;
    let start = if before == 0 { 0 } else { 4 };
    let cut = |text: String| text[start..].to_owned();
    [
        cut(STANDARD_NO_PAD.encode(&bytes[..whole])),
        cut(URL_SAFE_NO_PAD.encode(&bytes[..whole])),
    ]
}

#[test]
fn a_secret_is_found_in_every_form() {
    let secret = "a \"secret\"/of+the tests?>";
    let mut secrets = Secrets::default();
    secrets.add("secret", secret);
    let basic = STANDARD_NO_PAD.encode(format!("user:{secret}!"));
    let told = [
        secret.to_owned(),
        serde_json::json!({"x": format!("<{secret}>")}).to_string(),
        format!("{:?}", format!("<{secret}>")),
        hex::encode(format!("x{secret}x")),
        format!("?token={}", utf8_percent_encode(secret, NON_ALPHANUMERIC)),
        format!("{:?}", format!("x{secret}").as_bytes()),
        basic,
        URL_SAFE_NO_PAD.encode(format!("{secret}?>?>")),
    ];
    for text in told {
        assert!(secrets.told_by(&text).is_some(), "{text}");
    }
    assert!(secrets.told_by("a secret of the tests").is_none());
}
