use chrono::TimeDelta;

use crate::git::Oid;
use crate::github::RepositoryName;
use crate::simulator::archive::{self, ArchiveToken};
use crate::simulator::auth::Caller;
use crate::simulator::host::ENTERPRISE_PATH;
use crate::simulator::world::World;

use super::git::Reader;
use super::route::{CODELOAD, Call};
use super::{Answer, Asked};

/// How long a link to an archive is good.
const LIFETIME: TimeDelta = TimeDelta::minutes(5);

impl World {
    /// GitHub's API has no archives: it says where one is.
    pub(super) fn archive_link(
        &mut self,
        asked: &Asked,
        call: &Call,
        caller: &Caller,
    ) -> Result<Answer, Answer> {
        let repository = self.readable(asked, call, caller)?;
        let reader = Reader::new(self, repository, asked);
        reader.not_empty()?;
        let commit = reader.resolve(&call.what);
        let commit = commit.and_then(|oid| repository.objects.peel(oid));
        let commit = commit.ok_or_else(Answer::not_found)?;
        let (id, name) = (repository.id, self.name_of(repository));
        let server = asked.base.trim_end_matches(ENTERPRISE_PATH);
        let mut link = format!("{server}{CODELOAD}{name}/legacy.tar.gz/{commit}");
        if repository.private {
            let token = format!("AAB{}", hex::encode_upper(rand::random::<[u8; 16]>()));
            link.push_str(&format!("?token={token}"));
            self.credentials.insert(token.clone());
            let expires_at = self.now() + LIFETIME;
            let repository = id;
            let good = ArchiveToken {
                repository,
                expires_at,
            };
            self.archive_tokens.insert(token, good);
        }
        Ok(Answer::bytes(302, "text/html", Vec::new()).header("location", link))
    }

    /// The archive itself, for who has the link. With other credentials it is not handed out: they are
    /// none of this server's business.
    pub(super) fn codeload(
        &self,
        asked: &Asked,
        call: &Call,
        caller: &Caller,
    ) -> Result<Answer, Answer> {
        let is_told_more = !matches!(caller, Caller::Anonymous);
        let words: Vec<&str> = call.what.split('/').collect();
        let [owner, name, "legacy.tar.gz", sha] = words[..] else {
            return Err(Answer::not_found());
        };
        let repository = self.find_repository(&RepositoryName::new(owner, name));
        let repository = repository.ok_or_else(Answer::not_found)?;
        let token = asked.parameters().remove("token");
        let good = token.and_then(|token| self.archive_tokens.get(&token).copied());
        let good = good.filter(|good| good.repository == repository.id);
        let is_let_in = !repository.private || good.is_some_and(|it| it.expires_at > self.now());
        if is_told_more || !is_let_in {
            return Err(Answer::not_found());
        }
        let commit: Oid = sha.parse().map_err(|_| Answer::not_found())?;
        let folder = format!("{owner}-{name}-{}", &sha[..7]);
        let bytes = archive::of_commit(&repository.objects, commit, &folder);
        let bytes = bytes.ok_or_else(Answer::not_found)?;
        let file = format!("attachment; filename={folder}.tar.gz");
        Ok(Answer::bytes(200, "application/x-gzip", bytes).header("content-disposition", file))
    }
}
