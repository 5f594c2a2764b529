use super::Findings;
use crate::scene::Scene;
use crate::store::Store;
use crate::watch::Logs;

/// I7: no canary in any text of the database, nor in the metrics.
pub async fn canaries(scene: &Scene, findings: &mut Findings) -> anyhow::Result<()> {
    let leaks = in_the_database(&scene.store, &scene.logs).await?;
    for leak in &leaks {
        findings.wrong(format!("I7: {leak}"));
    }
    findings.count("I7", 1);
    for slot in scene.slots() {
        let url = format!("http://{}/metrics", slot.address());
        let client = reqwest::Client::builder().no_proxy().build()?;
        let page = client.get(url).send().await?.text().await?;
        for what in scene.logs.leaks(&page) {
            findings.wrong(format!("I7: {what} in the metrics of {}", slot.name));
        }
        findings.count("I7", 1);
    }
    Ok(())
}

const TEXTS: &str = "SELECT table_name || ' ' || column_name || ' ' || data_type AS line \
    FROM information_schema.columns WHERE table_schema = 'public' \
    AND table_name NOT LIKE 'campaign%' AND data_type IN ('text', 'jsonb', 'bytea')";

async fn in_the_database(store: &Store, logs: &Logs) -> anyhow::Result<Vec<String>> {
    let mut leaks = Vec::new();
    for line in store.lines(TEXTS).await? {
        let parts: Vec<&str> = line.split(' ').collect();
        let [table, column, kind] = parts[..] else {
            continue;
        };
        // Short ones come by chance, in what is random or encoded.
        for (what, canary) in logs
            .canaries()
            .iter()
            .filter(|(_, canary)| canary.len() > 4)
        {
            let held = match kind {
                "bytea" => format!("position(convert_to('{canary}', 'UTF8') IN {column})"),
                _ => format!("position('{canary}' IN {column}::text)"),
            };
            let sql = format!("SELECT COUNT(*)::text AS line FROM {table} WHERE {held} > 0");
            if store.number(&sql).await? > 0 {
                leaks.push(format!("{what} in {table}.{column}"));
            }
        }
    }
    Ok(leaks)
}
