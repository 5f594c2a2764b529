//! What pages are made of: tables, lists of facts, shas, links, forms.

#![expect(
    clippy::needless_pass_by_value,
    reason = "markup is made where it is handed over, and used nowhere else"
)]

use maud::{Markup, html};

use super::visitor::Visitor;
use crate::explain::BindingPlace;

/// A table that becomes cards on a phone: each cell knows its column's name.
pub(super) struct Table<'a> {
    /// For those who hear it.
    pub(super) caption: &'a str,
    pub(super) columns: &'a [&'a str],
    /// The first cell of each names its row.
    pub(super) rows: Vec<Vec<Markup>>,
}

impl Table<'_> {
    /// What stands there when there is no row.
    pub(super) fn or(self, empty: Markup) -> Markup {
        if self.rows.is_empty() {
            return empty;
        }
        html! {
            div.box role="region" aria-label=(self.caption) tabindex="0" {
                // The roles are told again: as cards they would be lost.
                table role="table" {
                    caption.unseen { (self.caption) }
                    thead role="rowgroup" {
                        tr role="row" {
                            @for column in self.columns { th scope="col" role="columnheader" { (column) } }
                        }
                    }
                    tbody role="rowgroup" {
                        @for row in &self.rows {
                            tr role="row" {
                                @for (index, (column, cell)) in self.columns.iter().zip(row).enumerate() {
                                    @if index == 0 {
                                        th scope="row" role="rowheader" data-label=(column) { div { (cell) } }
                                    } @else {
                                        td role="cell" data-label=(column) { div { (cell) } }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Nothing is there, and what to do about it.
pub(super) fn empty(says: &str, to_do: Markup) -> Markup {
    html! { div.empty { p { strong { (says) } } div { (to_do) } } }
}

/// Names with what they are.
pub(super) fn facts(facts: Vec<(&str, Markup)>) -> Markup {
    html! { dl.facts { @for (name, is) in facts { div { dt { (name) } dd { (is) } } } } }
}

/// Enough of a sha to know it by; the whole of it by hovering, and to whoever copies it.
pub(super) fn sha(sha: &str) -> Markup {
    let short = sha.get(..10).unwrap_or(sha);
    html! { code.sha title=(sha) { (short) } }
}

pub(super) fn sha_or(sha: Option<&str>, none: &str) -> Markup {
    sha.map_or_else(|| quiet(none), self::sha)
}

pub(super) fn code(text: &str) -> Markup {
    html! { code { (text) } }
}

pub(super) fn quiet(text: &str) -> Markup {
    html! { span.quiet { (text) } }
}

pub(super) fn link(to: &str, text: &str) -> Markup {
    html! { a href=(to) { (text) } }
}

/// A binding's place as people write it.
pub(super) fn short(place: &str) -> String {
    let read = place.parse::<BindingPlace>();
    read.map_or_else(|_| place.to_owned(), |place| place.short())
}

/// To GitHub: it is not told from where.
pub(super) fn outside(to: &str, text: &str) -> Markup {
    html! { a.outside href=(to) rel="noreferrer noopener" { (text) } }
}

pub(super) fn job_link(visitor: &Visitor, id: impl std::fmt::Display) -> Markup {
    link(&visitor.link(&format!("/jobs/{id}")), &format!("job {id}"))
}

pub(super) fn next_page(to: Option<&str>) -> Markup {
    html! { @if let Some(to) = to { nav.pager aria-label="Pages" { a.button href=(to) rel="next" { "Next page" } } } }
}

/// A form with nothing to fill in: it asks for something to be done.
pub(super) fn act(visitor: &Visitor, to: &str, label: &str, is_main: bool) -> Markup {
    html! {
        form method="post" action=(to) {
            input type="hidden" name="key" value=(visitor.session.form_key());
            button.button.main[is_main] type="submit" { (label) }
        }
    }
}

/// One of a few words, or any.
pub(super) fn choice(name: &str, label: &str, words: &[&str], given: &str) -> Markup {
    html! {
        label.field {
            span { (label) }
            select name=(name) {
                option value="" { "any" }
                @for word in words {
                    option value=(word) selected[*word == given] { (word.replace('_', " ")) }
                }
            }
        }
    }
}

pub(super) fn field(name: &str, label: &str, hint: &str, given: &str) -> Markup {
    html! {
        label.field {
            span { (label) }
            input type="text" name=(name) value=(given) placeholder=(hint) autocomplete="off" spellcheck="false" maxlength="256";
        }
    }
}

/// What narrows a list.
pub(super) fn filters(to: &str, fields: Markup) -> Markup {
    html! {
        form.filters method="get" action=(to) role="search" aria-label="Narrow the list" {
            (fields)
            button.button type="submit" { "Show" }
            a.button.plain href=(to) { "Clear" }
        }
    }
}

/// The part of a page that is kept as things are, where there is script.
pub(super) fn live(id: &str, part: Markup) -> Markup {
    html! { div id=(id) data-live { (part) } }
}

pub(super) fn json(value: &serde_json::Value) -> Markup {
    let text = serde_json::to_string_pretty(value).unwrap_or_default();
    html! { pre tabindex="0" { code { (text) } } }
}

pub(super) fn bytes(size: i64) -> String {
    bytesize::ByteSize::b(u64::try_from(size).unwrap_or_default())
        .display()
        .iec()
        .to_string()
}
