//! Why a delivery did or did not concern a binding: the answer to "why did my push not arrive?"

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use crate::db::schema::delivery_decisions;
use crate::db::{Conn, Dialect, text_enum};
use crate::ids::{BindingId, DeliveryId, JobId};

text_enum! {
    /// The strongest first.
    pub enum Verdict {
        /// A job was made for the binding.
        Enqueued = "enqueued",
        /// A job that was waiting already will do it.
        Joined = "joined",
        /// The delivery does not concern the binding.
        Skipped = "skipped",
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDecision {
    pub binding: BindingId,
    pub verdict: Verdict,
    pub reason: String,
    pub job: Option<JobId>,
}

#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = delivery_decisions, check_for_backend(Dialect))]
pub struct Decision {
    pub delivery_id: DeliveryId,
    pub binding_id: BindingId,
    pub verdict: Verdict,
    pub reason: String,
    pub job_id: Option<JobId>,
    pub created_at: DateTime<Utc>,
}

/// Rows in one statement.
const ROWS: usize = 1000;

/// Writes the decisions of a delivery in place of those of an earlier processing. Whatever a processor
/// found twice has one: the strongest, and of equals the first.
pub async fn replace(
    delivery: DeliveryId,
    decisions: &[NewDecision],
    now: DateTime<Utc>,
    conn: &mut Conn,
) -> QueryResult<()> {
    forget(&[delivery], conn).await?;
    for chunk in one_a_binding(decisions).chunks(ROWS) {
        let rows: Vec<_> = chunk
            .iter()
            .map(|decision| {
                (
                    delivery_decisions::delivery_id.eq(delivery),
                    delivery_decisions::binding_id.eq(decision.binding),
                    delivery_decisions::verdict.eq(decision.verdict),
                    delivery_decisions::reason.eq(&decision.reason),
                    delivery_decisions::job_id.eq(decision.job),
                    delivery_decisions::created_at.eq(now),
                )
            })
            .collect();
        diesel::insert_into(delivery_decisions::table)
            .values(rows)
            .execute(conn)
            .await?;
    }
    Ok(())
}

/// Deletes those of an earlier processing.
pub(super) async fn forget(of: &[DeliveryId], conn: &mut Conn) -> QueryResult<()> {
    let earlier =
        delivery_decisions::table.filter(delivery_decisions::delivery_id.eq_any(of.to_vec()));
    diesel::delete(earlier).execute(conn).await?;
    Ok(())
}

fn one_a_binding(decisions: &[NewDecision]) -> Vec<&NewDecision> {
    let mut strongest = BTreeMap::<BindingId, &NewDecision>::new();
    for decision in decisions {
        let kept = strongest.entry(decision.binding).or_insert(decision);
        if decision.verdict < kept.verdict {
            *kept = decision;
        }
    }
    strongest.into_values().collect()
}

pub async fn decisions_of(delivery: DeliveryId, conn: &mut Conn) -> QueryResult<Vec<Decision>> {
    delivery_decisions::table
        .filter(delivery_decisions::delivery_id.eq(delivery))
        .order(delivery_decisions::binding_id)
        .select(Decision::as_select())
        .load(conn)
        .await
}

/// What was decided about a binding, the newest first.
pub async fn decisions_about(
    binding: BindingId,
    limit: i64,
    conn: &mut Conn,
) -> QueryResult<Vec<Decision>> {
    delivery_decisions::table
        .filter(delivery_decisions::binding_id.eq(binding))
        .order(delivery_decisions::id.desc())
        .select(Decision::as_select())
        .limit(limit)
        .load(conn)
        .await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decision(binding: i64, verdict: Verdict, reason: &str) -> NewDecision {
        NewDecision {
            binding: BindingId::new(binding),
            verdict,
            reason: reason.to_owned(),
            job: None,
        }
    }

    #[test]
    fn a_binding_that_is_found_twice_has_the_strongest_decision() {
        let found = [
            decision(2, Verdict::Joined, "second"),
            decision(1, Verdict::Skipped, "not at first"),
            decision(1, Verdict::Enqueued, "made"),
            decision(1, Verdict::Joined, "joined what was made"),
            decision(2, Verdict::Joined, "again"),
        ];
        let kept = one_a_binding(&found);
        let reasons: Vec<&str> = kept.iter().map(|kept| kept.reason.as_str()).collect();
        assert_eq!(reasons, ["made", "second"]);
    }
}
