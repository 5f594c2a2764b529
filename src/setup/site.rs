use url::Url;

/// One GitHub: where its API is, and where people register Apps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    pub api_url: Url,
    /// Without a slash at the end.
    web: String,
}

/// Where an Enterprise Server has its API.
const ENTERPRISE: &str = "/api/v3";

impl Site {
    /// By the name that people call it: `github.com`, `SUBDOMAIN.ghe.com`, or an Enterprise Server's.
    pub fn of_host(host: &str) -> Result<Self, String> {
        let refused = || format!("{host:?} is no name of a server: give github.example.com");
        let web: Url = format!("https://{host}").parse().map_err(|_| refused())?;
        let plain = web.path() == "/"
            && web.query().is_none()
            && web.fragment().is_none()
            && web.username().is_empty()
            && web.password().is_none();
        let name = web.host_str().filter(|_| plain).ok_or_else(refused)?;
        let api = if name == "github.com" || name.ends_with(".ghe.com") {
            format!("https://api.{name}")
        } else {
            format!("{}{ENTERPRISE}", without_slash(&web))
        };
        Ok(Self {
            api_url: api.parse().map_err(|_| refused())?,
            web: without_slash(&web),
        })
    }

    /// By where its API is; a simulator has its pages at the same place.
    pub fn of_api(api_url: Url) -> Self {
        let api = without_slash(&api_url);
        let host = api_url.host_str().unwrap_or_default();
        let web = match host.strip_prefix("api.") {
            Some(name) if name == "github.com" || name.ends_with(".ghe.com") => {
                format!("https://{name}")
            }
            _ => api.strip_suffix(ENTERPRISE).unwrap_or(&api).to_owned(),
        };
        Self { api_url, web }
    }

    /// Where a manifest is posted to: a user's own page, or an organisation's.
    pub fn new_app(&self, organization: Option<&str>, state: &str) -> String {
        let web = &self.web;
        match organization {
            None => format!("{web}/settings/apps/new?state={state}"),
            Some(name) => format!("{web}/organizations/{name}/settings/apps/new?state={state}"),
        }
    }
}

fn without_slash(url: &Url) -> String {
    url.as_str().trim_end_matches('/').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_github_has_its_pages_and_its_api() {
        for (host, api, web) in [
            (
                "github.com",
                "https://api.github.com/",
                "https://github.com",
            ),
            (
                "octo.ghe.com",
                "https://api.octo.ghe.com/",
                "https://octo.ghe.com",
            ),
            (
                "git.example.org",
                "https://git.example.org/api/v3",
                "https://git.example.org",
            ),
            (
                "git.example.org:8443",
                "https://git.example.org:8443/api/v3",
                "https://git.example.org:8443",
            ),
        ] {
            let site = Site::of_host(host).expect(host);
            assert_eq!((site.api_url.as_str(), site.web.as_str()), (api, web));
            assert_eq!(Site::of_api(site.api_url.clone()), site);
        }
        let simulator = Site::of_api("http://127.0.0.1:4010".parse().expect("a URL"));
        assert_eq!(
            simulator.new_app(Some("octo"), "s"),
            "http://127.0.0.1:4010/organizations/octo/settings/apps/new?state=s"
        );
        for bad in ["", "https://github.com", "a/b", "a b", "u@h", "h?x"] {
            assert!(Site::of_host(bad).is_err(), "{bad}");
        }
    }
}
