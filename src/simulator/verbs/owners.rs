use serde_json::json;

use crate::github::RepositoryName;
use crate::github::ids::{InstallationId, OwnerId};
use crate::simulator::deliveries::{Guid, Sent};
use crate::simulator::owner::OwnerKind;
use crate::simulator::sending::Emission;
use crate::simulator::world::World;
use crate::simulator::{Simulator, payload};

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
        let guids = self.with(|world| world.rename_owner(from, to));
        self.send(guids).await
    }

    /// The App no longer asks for this event.
    pub fn unsubscribe(&self, event: &str) {
        self.with(|world| world.app.unsubscribed.insert(event.to_owned()));
    }

    pub fn subscribe(&self, event: &str) {
        self.with(|world| world.app.unsubscribed.remove(event));
    }
}

impl World {
    fn rename_owner(&mut self, from: &str, to: &str) -> Vec<Guid> {
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
        let installation = self.installation_on(id).filter(|found| found.is_active());
        let Some(installation) = installation.map(|found| found.id) else {
            return Vec::new();
        };
        let mut guids = Vec::new();
        if kind == OwnerKind::Organization {
            guids.extend(self.tell_organization_renamed(installation, id, &from));
        }
        guids.extend(self.tell_target_renamed(installation, id, &from));
        guids
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

    fn tell_organization_renamed(
        &mut self,
        installation: InstallationId,
        id: OwnerId,
        from: &str,
    ) -> Option<Guid> {
        let fields = json!({
            "changes": {"login": {"from": from}},
            "organization": payload::organization(&self.host, self.owner(id)),
        });
        self.emit(Emission {
            event: "organization",
            action: Some("renamed"),
            installation: Some(installation),
            repository: None,
            fields: payload::fields(fields),
        })
    }

    fn tell_target_renamed(
        &mut self,
        installation: InstallationId,
        id: OwnerId,
        from: &str,
    ) -> Option<Guid> {
        let account = self.owner(id);
        let fields = json!({
            "account": payload::owner(&self.host, account),
            "changes": {"login": {"from": from}},
            "target_type": account.kind.as_str(),
        });
        self.emit(Emission {
            event: "installation_target",
            action: Some("renamed"),
            installation: Some(installation),
            repository: None,
            fields: payload::fields(fields),
        })
    }
}
