use url::Url;

/// Why what was pasted cannot be gone on with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotACode {
    #[error(
        "this is no answer to this registration (its state differs): confirm at the address shown above, or begin again"
    )]
    OtherState,
    #[error(
        "GitHub's address has no code in it: paste all of what the browser shows after the App was created"
    )]
    NoCode,
}

/// What GitHub redirected to, in whole, or the code alone. The whole address must carry our state.
pub fn read_pasted(text: &str, state: &str) -> Result<String, NotACode> {
    let text = text.trim();
    let Ok(url) = text.parse::<Url>() else {
        let is_code = text.len() >= 8 && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        return match is_code {
            true => Ok(text.to_owned()),
            false => Err(NotACode::NoCode),
        };
    };
    let of = |name: &str| {
        let mut pairs = url.query_pairs();
        pairs
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    };
    let code = of("code").filter(|code| !code.is_empty());
    let code = code.ok_or(NotACode::NoCode)?;
    match of("state").as_deref() == Some(state) {
        true => Ok(code),
        false => Err(NotACode::OtherState),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_must_be_an_answer_to_this_registration() {
        let read = |text: &str| read_pasted(text, "s1");
        assert_eq!(
            read(" http://127.0.0.1:9/registered?code=abc&state=s1 \n"),
            Ok("abc".to_owned())
        );
        assert_eq!(
            read("a180b1a3d263c81bc6441d7b990bae27d4c10679").as_deref(),
            Ok("a180b1a3d263c81bc6441d7b990bae27d4c10679")
        );
        for other in ["http://h/?code=abc&state=s2", "http://h/?code=abc"] {
            assert_eq!(read(other), Err(NotACode::OtherState), "{other}");
        }
        for none in [
            "",
            "no",
            "http://h/?state=s1",
            "http://h/?code=&state=s1",
            "a b c d e f g h",
        ] {
            assert_eq!(read(none), Err(NotACode::NoCode), "{none}");
        }
    }
}
