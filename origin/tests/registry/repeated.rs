//! What repetitions get, what is left of a removed project, and what usage says of keys.

use sealpix::record::KeyState;
use sealpix_origin::registry::{AuditFilter, Cell, Earlier, Key, RecordName, RegistryError, answer_cell};

use crate::contract::{NOW, filled};
use crate::home::{Home, key, name, project, public_key, slug, source};

fn answer(id: &str, sealed: &str) -> Cell {
    Cell { sealed: sealed.to_owned(), ..answer_cell(id) }
}

pub(crate) async fn an_answer_is_kept_ten_minutes_and_its_key_refused_for_a_day(home: &Home) {
    let registry = home.open().await;
    let mut change = registry.begin(NOW).await;
    assert_eq!(change.earlier_answer("a", "content").await.unwrap(), None);
    change.keep_answer("content", &answer("a", "v1.sealed")).await.unwrap();
    drop(change);
    let mut change = registry.begin(NOW).await;
    assert_eq!(change.earlier_answer("a", "content").await.unwrap(), None, "a change that was dropped happened");
    change.keep_answer("content", &answer("a", "v1.sealed")).await.unwrap();
    change.commit().await.unwrap();
    let day = 86_400_000;
    for (at, content, expected) in [
        (NOW + 599_999, "content", Some(Earlier::Answer(answer("a", "v1.sealed")))),
        (NOW + 599_999, "other", Some(Earlier::OtherRequest)),
        (NOW + 600_000, "content", Some(Earlier::Gone)),
        (NOW + 600_000, "other", Some(Earlier::OtherRequest)),
        (NOW + day - 1, "content", Some(Earlier::Gone)),
        (NOW + day, "content", None),
    ] {
        let mut change = registry.begin(at).await;
        assert_eq!(change.earlier_answer("a", content).await.unwrap(), expected, "{} ms later", at - NOW);
        assert_eq!(change.earlier_answer("b", content).await.unwrap(), None);
        change.commit().await.unwrap();
    }
}

pub(crate) async fn one_of_many_equal_requests_makes_something(home: &Home) {
    let instances = [filled(home).await, home.open().await];
    let mut tasks = tokio::task::JoinSet::new();
    for number in 100..120_u16 {
        let registry = instances[usize::from(number % 2)].clone();
        tasks.spawn(async move {
            let mut change = registry.begin(NOW).await;
            if let Some(earlier) = change.earlier_answer("id", "content").await.unwrap() {
                let Earlier::Answer(cell) = earlier else { panic!("{earlier:?}") };
                return cell.sealed;
            }
            change.add_key(&key(number)).await.unwrap();
            change.keep_answer("content", &answer("id", &number.to_string())).await.unwrap();
            change.commit().await.unwrap();
            number.to_string()
        });
    }
    let answers = tasks.join_all().await;
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    let keys = instances[0].keys(None).await.unwrap();
    let made = public_key(answers[0].parse().unwrap());
    assert_eq!(keys.iter().filter(|held| held.public_key != public_key(1)).count(), 1);
    assert!(keys.iter().any(|held| held.public_key == made));
}

pub(crate) async fn a_removed_project_leaves_a_higher_epoch_and_dead_keys(home: &Home) {
    let registry = home.open().await;
    let ended = Key { not_after: Some(NOW / 1000 - 1), ..key(2) };
    let sources = vec![source("cdn", "https://cdn.example")];
    registry.apply(vec![project("my-app", &["cdn"])], vec![key(1), ended], sources, NOW).await.unwrap();
    let my_app = slug("my-app");
    let mut change = registry.begin(NOW).await;
    let in_use = change.remove_project(&my_app).await;
    assert!(matches!(in_use, Err(RegistryError::Refused(_))), "{in_use:?}");
    drop(change);
    registry.set_key_state(public_key(1), KeyState::Revoked, NOW).await.unwrap();
    let mut change = registry.begin(NOW).await;
    change.remove_project(&my_app).await.unwrap();
    change.commit().await.unwrap();

    assert!(registry.project(&my_app).await.unwrap().is_none() && registry.projects().await.unwrap().is_empty());
    let left = registry.project_for_edge(&my_app).await.unwrap().unwrap();
    assert!(left.version > NOW && left.value.sources.is_empty() && left.value.grants.is_empty());
    assert!(left.value.epoch > project("my-app", &[]).epoch);
    assert!(registry.keys(Some(&my_app)).await.unwrap().iter().all(|held| held.state == KeyState::Revoked));
    for name in [RecordName::Project(my_app.clone()), RecordName::Key(public_key(2))] {
        assert!(registry.is_waiting(&name).await.unwrap(), "{name}");
    }
    let orphan = registry.add_key(key(3), NOW).await;
    assert!(matches!(orphan, Err(RegistryError::Missing(_))), "{orphan:?}");
    let mut change = registry.begin(NOW).await;
    let again = change.remove_project(&my_app).await;
    assert!(matches!(again, Err(RegistryError::Missing(_))), "{again:?}");
    change.remove_source(&name("cdn")).await.unwrap();
    change.commit().await.unwrap();

    // An old file makes the project anew, above what the edge holds, and does not revive its keys.
    let revived = registry.apply(vec![project("my-app", &[])], vec![key(1)], vec![], NOW).await;
    assert!(matches!(revived, Err(RegistryError::Refused(_))), "{revived:?}");
    registry.apply(vec![project("my-app", &[])], vec![], vec![], NOW).await.unwrap();
    let anew = registry.project(&my_app).await.unwrap().unwrap();
    assert!(anew.version > left.version && anew.value.epoch == left.value.epoch);
    let log = registry.audit_log(&AuditFilter::default(), None, 10).await.unwrap();
    let of_project = log.iter().filter(|entry| entry.target == "project my-app").map(|entry| entry.action.as_str());
    assert_eq!(of_project.collect::<Vec<_>>(), ["project.create", "project.remove", "project.create"]);
}
