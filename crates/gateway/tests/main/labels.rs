//! No endpoint is given what is above it, whatever fails.

use millwright_core::{
    Classification::{Confidential, Internal, Public},
    ErrorCode, ToProblem,
};
use millwright_gateway::{Fate, Prefer};

use crate::{
    server::{Act, Server},
    support::{On, Site, complete, question, stream, wish},
};

#[tokio::test]
async fn a_failover_never_leads_to_an_endpoint_below_the_label() {
    let site = Site::new().await;
    let (own, cloud) = (Server::start(Act::Refuse(500, None)).await, Server::start(Act::Answer(1)).await);
    let models = [On::new("m@own", &own), On { takes: Public, ..On::new("m@cloud", &cloud) }];
    let gateway = site.gateway(&models, Prefer::Down);
    stream(&gateway, site.call(Confidential)).await.err().unwrap();
    assert!(own.requests() > 0);
    assert_eq!(cloud.requests(), 0);
    let answer = complete(&gateway, site.call(Public)).await.unwrap();
    assert_eq!(answer.route.endpoint, "at-m@cloud");
    site.database.drop().await;
}

#[tokio::test]
async fn a_label_that_no_model_takes_is_refused_before_anything_is_sent_or_held() {
    let site = Site::new().await;
    let cloud = Server::start(Act::Answer(1)).await;
    let gateway = site.gateway(&[On { takes: Public, ..On::new("cloud", &cloud) }], Prefer::Up);
    let problem = complete(&gateway, site.call(Internal)).await.unwrap_err().problem();
    assert_eq!(problem.code, ErrorCode::LabelDenied);
    assert!(problem.detail.contains("`cloud`"), "{}", problem.detail);
    assert_eq!(cloud.requests(), 0);
    site.database.drop().await;
}

#[tokio::test]
async fn a_choice_says_of_every_model_what_became_of_it() {
    let site = Site::new().await;
    let server = Server::start(Act::Answer(1)).await;
    let models = [
        On::new("own", &server),
        On { takes: Public, ..On::new("cloud", &server) },
        On { tier: millwright_llm::Tier::Light, ..On::new("small", &server) },
    ];
    let gateway = site.gateway(&models, Prefer::Up);
    let (request, call) = (question(), site.call(Internal));
    let plan = gateway.plan(wish(&request, &call.label)).unwrap();
    let fates: Vec<_> =
        plan.choice().candidates.iter().map(|candidate| (candidate.model.as_str(), &candidate.fate)).collect();
    assert_eq!(fates[0], ("own", &Fate::Chosen));
    assert!(fates.iter().any(|(name, fate)| *name == "cloud" && matches!(fate, Fate::LabelDenied { .. })), "{fates:?}");
    assert!(fates.contains(&("small", &Fate::OtherTier)), "{fates:?}");
    site.database.drop().await;
}

#[tokio::test]
async fn a_tier_without_a_model_is_answered_by_standard() {
    let site = Site::new().await;
    let server = Server::start(Act::Answer(1)).await;
    let gateway = site.gateway(&[On::new("usual", &server)], Prefer::Refuse);
    let (request, call) = (question(), site.call(Internal));
    for tier in millwright_llm::Tier::ALL {
        let wanted = millwright_gateway::Wanted::Tier(tier);
        let plan = gateway.plan(millwright_gateway::Request { wanted, ..wish(&request, &call.label) }).unwrap();
        assert_eq!((plan.model(), plan.choice().tier), ("usual", tier));
    }
    site.database.drop().await;
}
