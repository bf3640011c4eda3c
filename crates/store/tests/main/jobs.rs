//! Jobs: claimed once, leased, fenced, tried again, given up.

use std::{collections::HashSet, time::Duration};

use millwright_core::id::JobId;
use millwright_store::{
    Bookkeeping, Proof, StoreError,
    system::ClaimedJob,
    tenant::{JobOutcome, JobRow, JobStatus},
};
use uuid::Uuid;

use crate::support::{FIRST, Site, World, eventually};

const MINUTE: Duration = Duration::from_mins(1);
const JOB_STATE: Proof<'static> = Proof::Bookkeeping(Bookkeeping::JobState);

async fn claim(world: &World, owner: Uuid, limit: i64) -> Vec<ClaimedJob> {
    let mut tx = world.store().system().await.unwrap();
    let jobs = tx.jobs().claim(owner, MINUTE, limit).await.unwrap();
    tx.commit().await.unwrap();
    jobs
}

/// Claims one job once the transaction that was dropped has let go of it: its rollback runs in the background, and
/// a claim passes over locked rows.
async fn claim_after_rollback(world: &World) -> ClaimedJob {
    eventually("the rollback", async || claim(world, world.sources.new_uuid(), 1).await.pop()).await
}

async fn finish(world: &World, job: &ClaimedJob, outcome: &JobOutcome) -> Result<(), StoreError> {
    let mut tx = world.store().tenant(&job.scope).begin().await?;
    tx.jobs().finish(&job.fence, outcome).await?;
    tx.commit(JOB_STATE).await
}

async fn row(world: &World, site: &Site, id: JobId) -> JobRow {
    world.read(site).await.jobs().list(None, FIRST).await.unwrap().items.into_iter().find(|job| job.id == id).unwrap()
}

async fn expire_leases(world: &World) {
    world.database.tamper("UPDATE jobs SET lease_expires_at = now() - interval '1 second'").await;
}

#[tokio::test]
async fn a_job_is_claimed_once_and_ends() {
    let world = World::new().await;
    let site = world.site("TenantA").await;
    let id = world.enqueue(&site).await;
    let owner = world.sources.new_uuid();
    let jobs = claim(&world, owner, 10).await;
    assert_eq!(jobs.len(), 1);
    let job = &jobs[0];
    assert_eq!((job.fence.id, job.fence.owner, job.fence.attempt), (id, owner, 1));
    assert_eq!((job.scope, job.kind.as_str(), job.max_attempts, job.taken_over), (site.scope, "ingest", 5, false));
    assert!(claim(&world, owner, 10).await.is_empty(), "a claimed job is not claimed again");
    assert_eq!(row(&world, &site, id).await.status, JobStatus::Running);
    finish(&world, job, &JobOutcome::Succeeded).await.unwrap();
    let ended = row(&world, &site, id).await;
    assert_eq!(ended.status, JobStatus::Succeeded);
    assert!(ended.finished_at.is_some());
    assert!(matches!(finish(&world, job, &JobOutcome::Succeeded).await, Err(StoreError::LeaseLost)));
    assert!(claim(&world, owner, 10).await.is_empty());
    world.drop().await;
}

#[tokio::test]
async fn workers_that_claim_at_the_same_time_get_different_jobs() {
    let world = World::new().await;
    let site = world.site("TenantA").await;
    for _ in 0..6 {
        world.enqueue(&site).await;
    }
    let mut first = world.store().system().await.unwrap();
    let mut second = world.store().system().await.unwrap();
    let a = first.jobs().claim(world.sources.new_uuid(), MINUTE, 4).await.unwrap();
    // The first transaction still holds its rows: this one must neither wait for them nor take them.
    let b = tokio::time::timeout(Duration::from_secs(5), second.jobs().claim(world.sources.new_uuid(), MINUTE, 4))
        .await
        .expect("claiming does not wait")
        .unwrap();
    first.commit().await.unwrap();
    second.commit().await.unwrap();
    let ids: HashSet<Uuid> = a.iter().chain(&b).map(|job| job.fence.id.uuid()).collect();
    assert_eq!((a.len(), b.len(), ids.len()), (4, 2, 6));
    world.drop().await;
}

#[tokio::test]
async fn a_claim_that_is_not_committed_leaves_the_job_to_others() {
    let world = World::new().await;
    let site = world.site("TenantA").await;
    world.enqueue(&site).await;
    let mut tx = world.store().system().await.unwrap();
    assert_eq!(tx.jobs().claim(world.sources.new_uuid(), MINUTE, 1).await.unwrap().len(), 1);
    drop(tx);
    assert_eq!(claim_after_rollback(&world).await.fence.attempt, 1);
    world.drop().await;
}

#[tokio::test]
async fn a_dead_workers_job_goes_to_another_and_the_dead_one_writes_nothing_more() {
    let world = World::new().await;
    let site = world.site("TenantA").await;
    let id = world.enqueue(&site).await;
    let lost = claim(&world, world.sources.new_uuid(), 1).await.remove(0);
    expire_leases(&world).await;
    let taken = claim(&world, world.sources.new_uuid(), 1).await.remove(0);
    assert_eq!((taken.fence.id, taken.fence.attempt, taken.taken_over), (id, 2, true));

    let mut tx = world.begin(&site).await;
    assert!(matches!(tx.jobs().require_lease(&lost.fence).await, Err(StoreError::LeaseLost)));
    drop(tx);
    assert!(matches!(finish(&world, &lost, &JobOutcome::Succeeded).await, Err(StoreError::LeaseLost)));
    let mut system = world.store().system().await.unwrap();
    assert!(matches!(system.jobs().renew(&lost, MINUTE).await, Err(StoreError::LeaseLost)));
    system.jobs().renew(&taken, MINUTE).await.unwrap();
    system.commit().await.unwrap();

    let mut tx = world.begin(&site).await;
    tx.jobs().require_lease(&taken.fence).await.unwrap();
    tx.commit(JOB_STATE).await.unwrap();
    finish(&world, &taken, &JobOutcome::Succeeded).await.unwrap();
    world.drop().await;
}

#[tokio::test]
async fn while_a_job_writes_nobody_can_take_it_over() {
    let world = World::new().await;
    let site = world.site("TenantA").await;
    world.enqueue(&site).await;
    let job = claim(&world, world.sources.new_uuid(), 1).await.remove(0);
    expire_leases(&world).await;
    let mut tx = world.begin(&site).await;
    tx.jobs().require_lease(&job.fence).await.unwrap();
    assert!(claim(&world, world.sources.new_uuid(), 1).await.is_empty(), "the row is locked by its writer");
    tx.jobs().finish(&job.fence, &JobOutcome::Succeeded).await.unwrap();
    tx.commit(JOB_STATE).await.unwrap();
    assert!(claim(&world, world.sources.new_uuid(), 1).await.is_empty());
    world.drop().await;
}

#[tokio::test]
async fn a_renewed_lease_keeps_the_job() {
    let world = World::new().await;
    let site = world.site("TenantA").await;
    world.enqueue(&site).await;
    let job = claim(&world, world.sources.new_uuid(), 1).await.remove(0);
    expire_leases(&world).await;
    let mut system = world.store().system().await.unwrap();
    system.jobs().renew(&job, MINUTE).await.unwrap();
    system.commit().await.unwrap();
    assert!(claim(&world, world.sources.new_uuid(), 1).await.is_empty());
    world.drop().await;
}

#[tokio::test]
async fn the_long_queue_of_one_tenant_does_not_hold_up_another() {
    let world = World::new().await;
    let (busy, quiet) = (world.site("TenantA").await, world.site("TenantB").await);
    for _ in 0..6 {
        world.enqueue(&busy).await;
    }
    let late = world.enqueue(&quiet).await;
    let owner = world.sources.new_uuid();
    let first = claim(&world, owner, 2).await;
    let tenants: HashSet<_> = first.iter().map(|job| job.scope).collect();
    assert_eq!(tenants, HashSet::from([busy.scope, quiet.scope]), "one each");
    let of_quiet = first.iter().find(|job| job.scope == quiet.scope).unwrap();
    assert_eq!(of_quiet.fence.id, late);
    // Nobody else waits: then the others are all of the busy one, the oldest first.
    assert_eq!(claim(&world, owner, 10).await.len(), 5);
    world.drop().await;
}

#[tokio::test]
async fn a_place_kept_for_idle_tenants_is_not_given_to_a_busy_one() {
    let world = World::new().await;
    let (busy, quiet) = (world.site("TenantA").await, world.site("TenantB").await);
    let owner = world.sources.new_uuid();
    let claim_for_idle = async || {
        let mut tx = world.store().system().await.unwrap();
        let jobs = tx.jobs().claim_for_idle_tenants(owner, MINUTE, 1).await.unwrap();
        tx.commit().await.unwrap();
        jobs
    };
    for _ in 0..4 {
        world.enqueue(&busy).await;
    }
    assert_eq!(claim(&world, owner, 2).await.len(), 2);
    assert!(claim_for_idle().await.is_empty(), "the busy one waits its turn");
    let late = world.enqueue(&quiet).await;
    world.enqueue(&quiet).await;
    assert_eq!(claim_for_idle().await.iter().map(|job| job.fence.id).collect::<Vec<_>>(), [late]);
    assert!(claim_for_idle().await.is_empty(), "now it is busy too");
    world.drop().await;
}

#[tokio::test]
async fn a_failed_attempt_waits_and_is_tried_again() {
    let world = World::new().await;
    let site = world.site("TenantA").await;
    let id = world.enqueue(&site).await;
    let job = claim(&world, world.sources.new_uuid(), 1).await.remove(0);
    let retry = JobOutcome::Retry { after: MINUTE, reason: "the model is away".to_owned() };
    finish(&world, &job, &retry).await.unwrap();
    let waiting = row(&world, &site, id).await;
    assert_eq!((waiting.status, waiting.attempts), (JobStatus::Queued, 1));
    assert_eq!(waiting.last_error.as_deref(), Some("the model is away"));
    assert!(waiting.finished_at.is_none());
    assert!(waiting.run_at > world.now() + Duration::from_secs(50));
    assert!(claim(&world, world.sources.new_uuid(), 1).await.is_empty(), "its time has not come");
    world.database.tamper("UPDATE jobs SET run_at = now()").await;
    let again = claim(&world, world.sources.new_uuid(), 1).await.remove(0);
    assert_eq!((again.fence.attempt, again.taken_over), (2, false));
    world.drop().await;
}

#[tokio::test]
async fn a_dead_job_stays_dead_until_an_admin_starts_it_again() {
    let world = World::new().await;
    let site = world.site("TenantA").await;
    let id = world.enqueue(&site).await;
    let mut tx = world.begin(&site).await;
    assert!(matches!(tx.jobs().retry(id).await, Err(StoreError::InvalidState(_))));
    drop(tx);
    let job = claim_after_rollback(&world).await;
    finish(&world, &job, &JobOutcome::Dead { reason: "encrypted".to_owned() }).await.unwrap();
    assert!(claim(&world, world.sources.new_uuid(), 1).await.is_empty());
    let mut tx = world.read(&site).await;
    let dead = tx.jobs().list(Some(JobStatus::Dead), FIRST).await.unwrap().items;
    assert_eq!((dead.len(), dead[0].last_error.as_deref()), (1, Some("encrypted")));
    assert!(tx.jobs().list(Some(JobStatus::Queued), FIRST).await.unwrap().items.is_empty());
    drop(tx);
    let mut tx = world.begin(&site).await;
    tx.jobs().retry(id).await.unwrap();
    tx.commit(JOB_STATE).await.unwrap();
    let again = claim(&world, world.sources.new_uuid(), 1).await.remove(0);
    assert_eq!(again.fence.attempt, 1);
    world.drop().await;
}

#[tokio::test]
async fn a_job_of_a_transaction_that_fails_was_never_there() {
    let world = World::new().await;
    let site = world.site("TenantA").await;
    let mut tx = world.begin(&site).await;
    tx.jobs().enqueue(&world.job(None)).await.unwrap();
    drop(tx);
    assert!(claim(&world, world.sources.new_uuid(), 1).await.is_empty());
    world.drop().await;
}

#[tokio::test]
async fn jobs_of_a_deleted_resource_leave_the_queue_and_lists_are_paged() {
    let world = World::new().await;
    let site = world.site("TenantA").await;
    let mut tx = world.begin(&site).await;
    for resource in ["doc_1", "doc_1", "doc_2"] {
        tx.jobs().enqueue(&world.job(Some(resource))).await.unwrap();
    }
    let page = tx.jobs().list(None, millwright_core::PageRequest { limit: 2, after: None }).await.unwrap();
    let rest = millwright_core::PageRequest { limit: 2, after: page.next_cursor };
    let last = tx.jobs().list(None, rest).await.unwrap();
    assert_eq!((page.items.len(), last.items.len(), last.next_cursor), (2, 1, None));
    tx.jobs().delete_queued_for("doc_1").await.unwrap();
    let left = tx.jobs().list(None, FIRST).await.unwrap().items;
    assert_eq!(left.iter().map(|job| job.resource_id.as_deref()).collect::<Vec<_>>(), [Some("doc_2")]);
    drop(tx);
    world.drop().await;
}
