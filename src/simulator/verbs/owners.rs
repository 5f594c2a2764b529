use serde_json::{Map, Value, json};

use crate::github::RepositoryName;
use crate::github::ids::OwnerId;
use crate::simulator::deliveries::{Letter, Sent};
use crate::simulator::emission::Emission;
use crate::simulator::owner::OwnerKind;
use crate::simulator::world::World;
use crate::simulator::{Simulator, payload};

use super::installations;

impl Simulator {
    pub fn create_organization(&self, login: &str) -> OwnerId {
        self.with(|world| world.create_owner(login, OwnerKind::Organization))
    }

    pub fn create_user(&self, login: &str) -> OwnerId {
        self.with(|world| world.create_owner(login, OwnerKind::User))
    }

    pub fn owner_id(&self, login: &str) -> OwnerId {
        self.with(|world| world.owner_id(login))
    }

    /// Gives an owner another login. Its repositories' old names redirect until somebody takes the old
    /// login.
    ///
    /// Sends `installation_target` and, for an organisation where the App may read the members,
    /// `organization`; which of them the App gets is besides a matter of [`Simulator::unsubscribe`].
    pub async fn rename_owner(&self, from: &str, to: &str) -> Vec<Sent> {
        let letters = self.with(|world| world.rename_owner(from, to));
        self.send(letters).await
    }
}

impl World {
    fn rename_owner(&mut self, from: &str, to: &str) -> Vec<Letter> {
        let id = self.owner_id(from);
        let holder = self.find_owner(to).map(|owner| owner.id);
        assert!(
            holder.is_none_or(|holder| holder == id),
            "the login {to} is taken"
        );
        let from = self.owner(id).login.clone();
        if !from.eq_ignore_ascii_case(to) {
            self.redirect_all(id, &from, to);
        }
        let owner = self.owners.get_mut(&id).expect("it was just found");
        owner.login = to.to_owned();
        let kind = owner.kind;
        let mut letters = Vec::new();
        if kind == OwnerKind::Organization {
            letters.extend(self.tell_organization_renamed(id, &from));
        }
        letters.extend(self.tell_target_renamed(id, &from));
        letters
    }

    /// All that an owner has is called otherwise from now on.
    fn redirect_all(&mut self, id: OwnerId, from: &str, to: &str) {
        self.redirects.end_login(to, id);
        let owned = self.repositories.values().filter(|it| it.owner == id);
        for repository in owned {
            let name = |login| RepositoryName::new(login, &repository.name);
            self.redirects.leave(&name(from), id, repository.id);
            self.redirects.end(&name(to));
        }
    }

    fn tell_organization_renamed(&mut self, id: OwnerId, from: &str) -> Vec<Letter> {
        let fields = json!({
            "changes": {"login": {"from": from}},
            "organization": payload::organization(&self.host, self.owner(id)),
        });
        self.tell_renamed(id, "organization", &payload::fields(fields))
    }

    fn tell_target_renamed(&mut self, id: OwnerId, from: &str) -> Vec<Letter> {
        let account = self.owner(id);
        let fields = json!({
            "account": payload::owner(&self.host, account),
            "changes": {"login": {"from": from}},
            "target_type": account.kind.as_str(),
        });
        self.tell_renamed(id, "installation_target", &payload::fields(fields))
    }

    /// To every App that the owner has installed.
    fn tell_renamed(
        &mut self,
        id: OwnerId,
        event: &'static str,
        fields: &Map<String, Value>,
    ) -> Vec<Letter> {
        let all = self.installations.values();
        let told = installations(all.filter(|found| found.account == id));
        let emissions = told.into_iter().map(|(app, installation)| Emission {
            app,
            event,
            action: Some("renamed"),
            installation: Some(installation),
            repository: None,
            fields: fields.clone(),
        });
        self.emit_all(emissions)
    }
}
