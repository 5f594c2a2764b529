use serde_json::{Value, json};

use crate::github::ids::RepositoryId;
use crate::simulator::auth::Caller;
use crate::simulator::payload;
use crate::simulator::repository::Repository;
use crate::simulator::requests::Route;
use crate::simulator::world::World;

use super::git::Reader;
use super::route::{Address, Call};
use super::{Answer, Asked, Page};

impl World {
    /// All that stands under one repository.
    pub(super) fn answer_repository(
        &self,
        asked: &Asked,
        call: &Call,
        caller: &Caller,
    ) -> Result<Answer, Answer> {
        if call.route == Route::RepositoryInstallation {
            let repository = self.locate(asked, call, caller)?;
            let app = Self::only_app(caller)?;
            let found = self.installation_of(app, repository);
            let found = found.ok_or_else(Answer::not_found)?;
            return Ok(Answer::json(200, &payload::installation(self, found)));
        }
        let repository = self.readable(asked, call, caller)?;
        let reader = Reader::new(self, repository, asked);
        match call.route {
            Route::Branch => reader.branch(&call.what),
            Route::Commit => reader.commit(&call.what),
            Route::Ref => reader.git_ref(&call.what),
            Route::MatchingRefs => Ok(reader.matching_refs(&call.what)),
            Route::GitCommit => reader.git_commit(&call.what),
            Route::Tree => reader.tree(&call.what),
            Route::Blob => reader.blob(&call.what),
            Route::Tag => reader.tag(&call.what),
            _ => Ok(Answer::json(200, &payload::repository(self, repository))),
        }
    }

    /// What the caller may read in the way that is asked.
    pub(super) fn readable(
        &self,
        asked: &Asked,
        call: &Call,
        caller: &Caller,
    ) -> Result<&Repository, Answer> {
        let repository = self.locate(asked, call, caller)?;
        if matches!(caller, Caller::App(_)) {
            return Err(Answer::message(401, "Bad credentials"));
        }
        if call.route.needs_contents() && !self.may_read_contents(caller, repository) {
            let text = "Resource not accessible by integration";
            return Err(Answer::message(403, text));
        }
        Ok(repository)
    }

    /// By id, by name, or by a former name (301). Without access it is not there at all.
    fn locate(&self, asked: &Asked, call: &Call, caller: &Caller) -> Result<&Repository, Answer> {
        let found = match &call.repository {
            Some(Address::Id(id)) => {
                RepositoryId::new(*id).and_then(|id| self.repositories.get(&id))
            }
            Some(Address::Name(name)) => {
                let moved = || self.find_redirect(name);
                match self.find_repository(name) {
                    None => match moved().filter(|found| self.may_see(caller, found)) {
                        Some(found) => return Err(redirect(asked, call, found)),
                        None => None,
                    },
                    found => found,
                }
            }
            None => None,
        };
        found
            .filter(|found| self.may_see(caller, found))
            .ok_or_else(Answer::not_found)
    }

    pub(super) fn installation_repositories(
        &self,
        asked: &Asked,
        caller: &Caller,
    ) -> Result<Answer, Answer> {
        let Caller::Installation(token) = caller else {
            return Err(Answer::message(
                403,
                "Resource not accessible by integration",
            ));
        };
        let installation = &self.installations[&token.installation];
        let mut covered = self.repositories_of(installation);
        covered.retain(|repository| self.covers(token, repository.id));
        let total = covered.len();
        let page = Page::of(asked, "/installation/repositories", covered);
        let shown: Vec<Value> = page
            .items
            .iter()
            .map(|repository| payload::repository(self, repository))
            .collect();
        let body = json!({
            "total_count": total,
            "repository_selection": installation.selection.as_str(),
            "repositories": shown,
        });
        Ok(Answer::json(200, &body).link(page.link))
    }
}

fn redirect(asked: &Asked, call: &Call, found: &Repository) -> Answer {
    let query = match asked.query.as_str() {
        "" => String::new(),
        query => format!("?{query}"),
    };
    let url = format!(
        "{}/repositories/{}{}{query}",
        asked.base, found.id, call.tail
    );
    let body = json!({
        "message": "Moved Permanently",
        "url": url,
        "documentation_url": "https://docs.github.com/rest/guides/best-practices-for-using-the-rest-api#follow-redirects",
    });
    Answer::json(301, &body).header("location", url)
}
