//! What can happen. Numbers name things as they are at that moment, modulo how many there are; what makes
//! no sense then does nothing, so that a sequence stays one when something is taken out of it.

use std::fmt;

use proptest::collection::vec;
use proptest::prelude::*;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Name {
    A,
    B,
    C,
    /// Another spelling of the first.
    UpperA,
}

impl Name {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::A => "a",
            Self::B => "b",
            Self::C => "c",
            Self::UpperA => "A",
        }
    }
}

/// The owners: an organisation and a user with the App, and one without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    Octo,
    Ann,
    Zed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ref {
    Default,
    Main,
    Dev,
    Tag,
}

impl Ref {
    /// As a binding asks for it.
    pub const fn requested(self) -> Option<&'static str> {
        match self {
            Self::Default => None,
            Self::Main => Some("main"),
            Self::Dev => Some("dev"),
            Self::Tag => Some("refs/tags/v1"),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Branch {
    Main,
    Dev,
}

impl Branch {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Main => "main",
            Self::Dev => "dev",
        }
    }

    pub fn full(self) -> String {
        format!("refs/heads/{}", self.as_str())
    }
}

type Nth = u8;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    // On GitHub.
    Create {
        owner: Who,
        name: Name,
    },
    Push {
        repo: Nth,
        branch: Branch,
    },
    ForceBack {
        repo: Nth,
        branch: Branch,
        commit: Nth,
    },
    DeleteDev {
        repo: Nth,
    },
    Tag {
        repo: Nth,
    },
    DeleteTag {
        repo: Nth,
    },
    SwitchDefault {
        repo: Nth,
    },
    Rename {
        repo: Nth,
        to: Name,
    },
    Swap {
        one: Nth,
        other: Nth,
    },
    Transfer {
        repo: Nth,
        to: Who,
    },
    DeleteRepository {
        repo: Nth,
    },
    SwitchVisibility {
        repo: Nth,
    },
    RenameOwner {
        owner: Who,
    },
    Uninstall {
        owner: Who,
    },
    Install {
        owner: Who,
    },
    Suspend {
        owner: Who,
    },
    Unsuspend {
        owner: Who,
    },
    TakePermission {
        owner: Who,
    },
    GivePermission {
        owner: Who,
    },
    SelectAll {
        owner: Who,
    },
    Select {
        owner: Who,
        mask: u8,
    },
    // On the way.
    Deliver {
        nth: Nth,
    },
    DeliverAll,
    Repeat {
        nth: Nth,
    },
    Drop {
        nth: Nth,
    },
    /// The next event never becomes a delivery: no list has it.
    Omit,
    /// GitHub's API lags behind its webhooks, or not.
    SwitchLag,
    // Here.
    Bind {
        slot: Nth,
        owner: Who,
        name: Name,
        git_ref: Ref,
    },
    /// By the name that a repository has now.
    BindTo {
        slot: Nth,
        repo: Nth,
        git_ref: Ref,
    },
    Unbind {
        slot: Nth,
    },
    Sync {
        slot: Nth,
    },
    Revoke {
        owner: Who,
    },
    Grant {
        owner: Who,
    },
    Process,
    Work,
    /// A worker dies while it waits for the nth answer of GitHub's.
    Kill {
        request: Nth,
    },
    Wait {
        seconds: u8,
    },
    Sweep,
}

fn name() -> impl Strategy<Value = Name> {
    prop_oneof![4 => Just(Name::A), 3 => Just(Name::B), 2 => Just(Name::C), 1 => Just(Name::UpperA)]
}

fn who() -> impl Strategy<Value = Who> {
    prop_oneof![5 => Just(Who::Octo), 3 => Just(Who::Ann), 1 => Just(Who::Zed)]
}

fn branch() -> impl Strategy<Value = Branch> {
    prop_oneof![3 => Just(Branch::Main), 1 => Just(Branch::Dev)]
}

fn git_ref() -> impl Strategy<Value = Ref> {
    prop_oneof![6 => Just(Ref::Default), 5 => Just(Ref::Main), 2 => Just(Ref::Dev), 2 => Just(Ref::Tag)]
}

fn nth() -> impl Strategy<Value = Nth> {
    0..8_u8
}

fn on_github() -> impl Strategy<Value = Op> {
    prop_oneof![
        3 => (who(), name()).prop_map(|(owner, name)| Op::Create { owner, name }),
        14 => (nth(), branch()).prop_map(|(repo, branch)| Op::Push { repo, branch }),
        2 => (nth(), branch(), nth())
            .prop_map(|(repo, branch, commit)| Op::ForceBack { repo, branch, commit }),
        1 => nth().prop_map(|repo| Op::DeleteDev { repo }),
        2 => nth().prop_map(|repo| Op::Tag { repo }),
        1 => nth().prop_map(|repo| Op::DeleteTag { repo }),
        2 => nth().prop_map(|repo| Op::SwitchDefault { repo }),
        6 => (nth(), name()).prop_map(|(repo, to)| Op::Rename { repo, to }),
        2 => (nth(), nth()).prop_map(|(one, other)| Op::Swap { one, other }),
        4 => (nth(), who()).prop_map(|(repo, to)| Op::Transfer { repo, to }),
        2 => nth().prop_map(|repo| Op::DeleteRepository { repo }),
        1 => nth().prop_map(|repo| Op::SwitchVisibility { repo }),
        2 => who().prop_map(|owner| Op::RenameOwner { owner }),
        1 => who().prop_map(|owner| Op::Uninstall { owner }),
        4 => who().prop_map(|owner| Op::Install { owner }),
        1 => who().prop_map(|owner| Op::Suspend { owner }),
        4 => who().prop_map(|owner| Op::Unsuspend { owner }),
        1 => who().prop_map(|owner| Op::TakePermission { owner }),
        4 => who().prop_map(|owner| Op::GivePermission { owner }),
        5 => who().prop_map(|owner| Op::SelectAll { owner }),
        2 => (who(), any::<u8>()).prop_map(|(owner, mask)| Op::Select { owner, mask }),
    ]
}

fn on_the_way() -> impl Strategy<Value = Op> {
    prop_oneof![
        6 => nth().prop_map(|nth| Op::Deliver { nth }),
        4 => Just(Op::DeliverAll),
        2 => nth().prop_map(|nth| Op::Repeat { nth }),
        2 => nth().prop_map(|nth| Op::Drop { nth }),
        1 => Just(Op::Omit),
        1 => Just(Op::SwitchLag),
    ]
}

fn here() -> impl Strategy<Value = Op> {
    prop_oneof![
        5 => (nth(), nth(), git_ref())
            .prop_map(|(slot, repo, git_ref)| Op::BindTo { slot, repo, git_ref }),
        2 => (nth(), who(), name(), git_ref())
            .prop_map(|(slot, owner, name, git_ref)| Op::Bind { slot, owner, name, git_ref }),
        1 => nth().prop_map(|slot| Op::Unbind { slot }),
        1 => nth().prop_map(|slot| Op::Sync { slot }),
        1 => who().prop_map(|owner| Op::Revoke { owner }),
        4 => who().prop_map(|owner| Op::Grant { owner }),
        6 => Just(Op::Process),
        8 => Just(Op::Work),
        2 => nth().prop_map(|request| Op::Kill { request }),
        3 => any::<u8>().prop_map(|seconds| Op::Wait { seconds }),
        1 => Just(Op::Sweep),
    ]
}

/// What differs from case to case besides the operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Way {
    /// What is on its way at the end arrives, or is lost and listed.
    pub rest_arrives: bool,
    /// Two bindings have synced before anything happens; else they are made, and names move first.
    pub synced_first: bool,
    /// Events may never become deliveries.
    pub omits: bool,
}

pub fn cases() -> impl Strategy<Value = (Vec<Op>, Way)> {
    let op = prop_oneof![5 => on_github(), 3 => on_the_way(), 4 => here()];
    let way = (any::<bool>(), any::<bool>(), prop::bool::weighted(0.25));
    let way = way.prop_map(|(rest_arrives, synced_first, omits)| Way {
        rest_arrives,
        synced_first,
        omits,
    });
    (vec(op, 60..140), way)
}

#[derive(Clone)]
pub struct Case {
    pub ops: Vec<Op>,
    pub way: Way,
}

impl From<(Vec<Op>, Way)> for Case {
    fn from((ops, way): (Vec<Op>, Way)) -> Self {
        Self { ops, way }
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "  {:?}", self.way)?;
        for op in &self.ops {
            writeln!(f, "  {op:?}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
