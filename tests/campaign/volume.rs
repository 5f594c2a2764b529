//! A database on a volume of its own that fills up.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::process::Command;

use crate::options::Options;
use crate::report::Part;
use crate::scene::Scene;
use crate::screen::Screen;
use crate::step::{Outcome, Step};
use crate::{run, steps};

/// Room for the cluster, its log and what the load brings.
const SIZE: &str = "size=768m,mode=0755";
const FULL_FOR: Duration = Duration::from_secs(4);

pub async fn run(
    step: &Step,
    options: &Options,
    seed: u64,
    screen: &Screen,
) -> anyhow::Result<Part> {
    screen.say(step.name);
    let mut part = Part::new("PostgreSQL on a small volume");
    let folder = tempfile::Builder::new()
        .prefix("campaign")
        .tempdir_in(run::disk())?;
    if let Err(why) = mount(folder.path()).await {
        part.push(
            step,
            &Outcome {
                not_run: Some(format!("no volume of its own: {why:#}")),
                ..Outcome::default()
            },
        );
        return Ok(part);
    }
    let ended = on_volume(step, options, seed, folder.path(), &mut part).await;
    Command::new("umount").arg(folder.path()).status().await?;
    ended?;
    Ok(part)
}

async fn mount(folder: &Path) -> anyhow::Result<()> {
    // Whoever runs PostgreSQL must be able to reach it.
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(folder, mode)?;
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", SIZE, "tmpfs"])
        .arg(folder)
        .output()
        .await?;
    let said = String::from_utf8_lossy(&mounted.stderr).trim().to_owned();
    anyhow::ensure!(mounted.status.success(), "mount: {said}");
    Ok(())
}

async fn on_volume(
    step: &Step,
    options: &Options,
    seed: u64,
    folder: &Path,
    part: &mut Part,
) -> anyhow::Result<()> {
    let scene = Scene::start(options, seed, folder).await?;
    part.database = scene.postgres.version().await?;
    scene.load.set(steps::CALM_RATE);
    let outcome = fill_and_free(&scene, folder, step.times(options.full, options.share)).await;
    part.add(step, outcome);
    run::close(&scene, part).await;
    scene.end().await
}

async fn fill_and_free(scene: &Scene, folder: &Path, times: u32) -> anyhow::Result<Outcome> {
    let mut outcome = Outcome::default();
    let mut revived = 0;
    for _ in 0..times {
        let filler = fill(folder).await?;
        tokio::time::sleep(FULL_FOR).await;
        let refused = scene
            .hub
            .record
            .answers()
            .by_status
            .get(&503)
            .copied()
            .unwrap_or(0);
        outcome.demand(refused > 0, || {
            "nothing was refused although the volume was full".into()
        });
        std::fs::remove_file(filler)?;
        if scene
            .postgres
            .until_it_answers(Duration::from_secs(10))
            .await
            .is_err()
        {
            revived += 1;
            scene.postgres.revive().await?;
        }
        outcome.recovered(scene.recover().await);
    }
    outcome.note(format!(
        "{revived} times PostgreSQL gave up by itself and was started again as a service manager does"
    ));
    Ok(outcome)
}

async fn fill(folder: &Path) -> anyhow::Result<PathBuf> {
    let path = folder.join("filler");
    let filled = path.clone();
    tokio::task::spawn_blocking(move || {
        let mut file = std::fs::File::create(filled)?;
        for size in [1 << 20, 1 << 12] {
            let zeros = vec![0; size];
            while file.write_all(&zeros).is_ok() {}
        }
        anyhow::Ok(())
    })
    .await??;
    Ok(path)
}
