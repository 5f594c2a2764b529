use super::UnusablePayload;
use super::fields::Fields;
use crate::github::ids::AppId;

/// GitHub's greeting after a webhook was set up: it reached us, and says as whose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ping {
    pub hook_id: Option<i64>,
    /// Absent when the webhook belongs to a repository or an organisation instead of an App.
    pub app_id: Option<AppId>,
    pub zen: Option<String>,
}

impl Ping {
    pub(super) fn parse(body: &[u8]) -> Result<Self, UnusablePayload> {
        let fields = Fields::read(body, ["hook_id", "hook", "zen"])?;
        Ok(Self {
            hook_id: fields.value(0),
            app_id: fields.inside(1, ["app_id"]).value(0),
            zen: fields.text(2),
        })
    }

    /// Whether the body and the delivery's `X-GitHub-Hook-ID` speak of one webhook, and of this App.
    pub fn is_for(&self, app: AppId, hook_header: Option<&str>) -> bool {
        let same_app = self.app_id.is_none_or(|id| id == app);
        let same_hook = match (self.hook_id, hook_header) {
            (Some(body), Some(header)) => header == body.to_string(),
            _ => true,
        };
        same_app && same_hook
    }
}
