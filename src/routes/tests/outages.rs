use super::*;

const IMPATIENT: [(&str, &str); 2] = [
    ("BINDERY_DATABASE_ACQUIRE_TIMEOUT", "1s"),
    ("BINDERY_DATABASE_POOL_SIZE", "1"),
];

#[actix_web::test]
async fn f09_a_busy_database_is_503_and_come_again() {
    let world = World::with(&IMPATIENT).await;
    let writer = world.api.write().await.expect("the one writer");
    let answer = world.put("/orgs/octo", "{}").await;
    assert_eq!(
        (answer.status.as_u16(), answer.problem().as_str()),
        (503, "unavailable")
    );
    assert_eq!(answer.header("retry-after"), "5");
    assert!(answer.json()["id"].is_string());
    drop(writer);
    assert_eq!(world.put("/orgs/octo", "{}").await.status, 201);
}

#[actix_web::test]
async fn f08_a_process_without_its_database_lives_and_is_not_ready() {
    let world = World::with(&IMPATIENT).await;
    let reader = world.api.read().await.expect("the one reader");
    let ready = world.get("/readyz").await;
    assert_eq!(
        (ready.status.as_u16(), &ready.json()["status"]),
        (503, &Value::from("not_ready"))
    );
    assert_eq!(
        ready.json()["reasons"][0],
        "the database gives no connection"
    );
    assert_eq!(world.get("/livez").await.status, 200);
    let metrics = String::from_utf8(world.get("/metrics").await.body).expect("UTF-8");
    assert!(metrics.contains("bindery_database_up 0"), "{metrics}");
    drop(reader);
    assert_eq!(world.get("/readyz").await.status, 200);
}
