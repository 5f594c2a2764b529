use super::*;

/// Signs in from a page of the address `https://bindery.example`, or whichever it is.
async fn cookie(world: &World) -> String {
    let request = test::TestRequest::post()
        .uri("/console/sign-in")
        .insert_header(("sec-fetch-site", "same-origin"))
        .insert_header((header::CONTENT_TYPE, "application/x-www-form-urlencoded"))
        .set_payload(format!("token={ADMIN}"));
    let answer = world.call(request).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    answer.header("set-cookie").to_owned()
}

#[actix_web::test]
async fn beyond_this_machine_a_cookie_goes_over_tls_alone() {
    let world = World::new().await;
    let cookie = cookie(&world).await;
    assert!(cookie.starts_with("__Host-bindery="), "{cookie}");
    assert!(
        cookie.ends_with("; Path=/; Max-Age=43200; HttpOnly; SameSite=Strict; Secure"),
        "{cookie}"
    );
}

#[actix_web::test]
async fn a_cookie_comes_once_and_under_its_name() {
    let world = World::new().await;
    let line = cookie(&world).await;
    let (pair, _) = line.split_once(';').expect("attributes");
    let (_, secret) = pair.split_once('=').expect("a value");
    let asked = |cookie: String| {
        let request = test::TestRequest::with_uri("/console/jobs");
        world.call(request.insert_header((header::COOKIE, cookie)))
    };
    assert_eq!(asked(format!("a=b; {pair}")).await.status, StatusCode::OK);
    for bad in [
        format!("{pair}; {pair}"),
        format!("bindery={secret}"),
        format!("__Host-bindery2={secret}"),
        "__Host-bindery=".to_owned(),
        format!("{pair}x"),
    ] {
        assert_eq!(asked(bad).await.status, StatusCode::SEE_OTHER);
    }
}
