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
}
