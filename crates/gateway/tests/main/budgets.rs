//! What a call costs is held before it and counted after it.

use millwright_budgets::{BudgetPeriod, BudgetSubjectKind, BudgetUnit};
use millwright_core::{Classification::Internal, ErrorCode, ToProblem};
use millwright_gateway::{Prefer, Price};
use millwright_store::{Bookkeeping, Proof, tenant::NewBudget};

use crate::{
    server::{Act, Server},
    support::{On, Site, complete, read, stream},
};

/// One for 1 and ten for 10 a million tokens.
const PRICE: Price = Price::Tokens { input: 1_000_000, output: 10_000_000, cached: 0 };

async fn budget(site: &Site, unit: BudgetUnit, limit: i64) {
    let budget = NewBudget {
        id: site.sources.new_id(),
        name: "Pilot".to_owned(),
        subject_kind: BudgetSubjectKind::Tenant,
        subject_id: None,
        period: BudgetPeriod::Day,
        unit,
        limit,
        created_by: site.principal.user_id,
        created_at: site.sources.now(),
    };
    let mut tx = site.database.store.tenant(&site.principal.scope).begin().await.unwrap();
    tx.budgets().insert(&budget).await.unwrap();
    tx.commit(Proof::Bookkeeping(Bookkeeping::RunProgress)).await.unwrap();
    site.ledger.forget(&site.principal.scope);
}

#[tokio::test]
async fn a_call_holds_its_most_and_is_charged_what_it_used() {
    let site = Site::new().await;
    let server = Server::start(Act::Answer(7)).await;
    let gateway = site.gateway(&[On { price: PRICE, ..On::new("m", &server) }], Prefer::Up);
    budget(&site, BudgetUnit::Money, 1_000_000).await;
    let answer = complete(&gateway, site.call(Internal)).await.unwrap();
    assert_eq!((answer.usage.input_tokens, answer.usage.output_tokens), (10, 7));
    assert_eq!(site.usage(1).await, ["m complete 7 80"]);
    let held = site.database.peek("SELECT reserved || ' ' || spent FROM budget_periods").await;
    assert_eq!(held, ["0 80"]);
    let entries = site.database.peek("SELECT action FROM audit_entries WHERE action = 'usage.recorded'").await;
    assert_eq!(entries.len(), 1);
    site.database.drop().await;
}

#[tokio::test]
async fn a_used_up_budget_refuses_before_the_model_is_asked_and_names_itself() {
    let site = Site::new().await;
    let server = Server::start(Act::Answer(7)).await;
    let gateway = site.gateway(&[On { price: PRICE, ..On::new("m", &server) }], Prefer::Up);
    budget(&site, BudgetUnit::Money, 100).await;
    let problem = complete(&gateway, site.call(Internal)).await.unwrap_err().problem();
    assert_eq!(problem.code, ErrorCode::BudgetExceeded);
    assert!(problem.detail.contains("`Pilot`") && problem.detail.contains("resets at"), "{}", problem.detail);
    assert_eq!(server.requests(), 0);
    site.database.drop().await;
}

#[tokio::test]
async fn when_the_money_is_gone_a_model_that_costs_nothing_answers() {
    let site = Site::new().await;
    let (paid, free) = (Server::start(Act::Answer(1)).await, Server::start(Act::Answer(1)).await);
    let models =
        [On { tier: millwright_llm::Tier::Heavy, price: PRICE, ..On::new("paid", &paid) }, On::new("free", &free)];
    let gateway = site.gateway(&models, Prefer::Up);
    budget(&site, BudgetUnit::Money, 10).await;
    let answer = complete(&gateway, site.call(Internal)).await.unwrap();
    assert_eq!(answer.route.model, "free");
    assert_eq!(paid.requests(), 0);
    site.database.drop().await;
}

#[tokio::test]
async fn a_call_that_no_server_answered_costs_nothing() {
    let site = Site::new().await;
    let server = Server::start(Act::Refuse(400, None)).await;
    let gateway = site.gateway(&[On { price: PRICE, ..On::new("m", &server) }], Prefer::Up);
    budget(&site, BudgetUnit::Tokens, 1_000).await;
    complete(&gateway, site.call(Internal)).await.unwrap_err();
    for _ in 0..100 {
        if site.database.peek("SELECT reserved::text FROM budget_periods").await == ["0"] {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(site.database.peek("SELECT reserved || ' ' || spent FROM budget_periods").await, ["0 0"]);
    site.database.drop().await;
}

#[tokio::test]
async fn many_calls_at_once_never_pass_the_limit() {
    let site = Site::new().await;
    let server = Server::start(Act::Answer(100)).await;
    // Each holds about 120 tokens and uses 110.
    let gateway = site.gateway(&[On::new("m", &server)], Prefer::Up);
    budget(&site, BudgetUnit::Tokens, 500).await;
    let calls = (0..40).map(|_| async {
        match stream(&gateway, site.call(Internal)).await {
            Ok(answer) => read(answer).await.1.is_none(),
            Err(_) => false,
        }
    });
    let answered = futures::future::join_all(calls).await.into_iter().filter(|answered| *answered).count();
    assert!((1..=4).contains(&answered), "{answered}");
    let spent: i64 = site.database.peek("SELECT spent::text FROM budget_periods").await[0].parse().unwrap();
    assert_eq!(spent, answered as i64 * 110);
    site.database.drop().await;
}
