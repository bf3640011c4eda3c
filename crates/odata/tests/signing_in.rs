//! Who asks: passwords, access tokens, certificates; and that none of them is told to anybody.

use millwright_odata::{Authorization, Change, ClientCertificate, Credential, ODataError, Secret};
use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use rustls::{RootCertStore, ServerConfig, pki_types::PrivateKeyDer, server::WebPkiClientVerifier};
use serde_json::json;
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;

use crate::{
    connector, destination,
    gateway::{Gateway, Rules},
    nobody, object, peer,
};

/// `base64("anna:geheim-1234")`.
const BASIC: &str = "Basic YW5uYTpnZWhlaW0tMTIzNA==";

#[tokio::test]
async fn basic_authentication_is_sent_and_told_nowhere() {
    let Some(origin) = peer::origin() else { return };
    let gateway = Gateway::start(origin, Rules { authorization: Some(BASIC.into()), ..Rules::default() }).await;
    let connector = connector(destination(&gateway.origin, peer::V2));
    let good = Credential::basic("anna", Secret::new("geheim-1234"));
    assert!(connector.session(good.clone()).unwrap().metadata().await.is_ok());
    let session = connector.session(Credential::basic("anna", Secret::new("other-5678"))).unwrap();
    let refused = session.metadata().await.unwrap_err();
    // The gateway repeats the header in its message.
    assert_eq!(
        refused.to_string(),
        "the server refuses the credential (status 401, code `ZGW/401`: Not authorised: Basic …)"
    );
    for text in [format!("{good:?}"), format!("{session:?}"), format!("{connector:?}"), format!("{refused:?}")] {
        for secret in ["geheim", "other-5678", "YW5uYT"] {
            assert!(!text.contains(secret), "{text}");
        }
    }
    let refused = connector.session(nobody()).unwrap().metadata().await.unwrap_err();
    assert_eq!(refused.word(), "unauthorised");
    assert!(matches!(connector.session(Credential::basic("a:b", Secret::new("c"))), Err(ODataError::Credential(_))));
}

#[tokio::test]
async fn an_access_token_is_fetched_once_and_anew_when_it_ends() {
    let Some(origin) = peer::origin() else { return };
    // `base64("client:s%2B1")`: both are form-encoded first.
    let token_for = || Some("Basic Y2xpZW50OnMlMkIx".to_owned());
    for (token_seconds, tokens) in [(3600, 1), (20, 4)] {
        let gateway = Gateway::start(origin, Rules { token_for: token_for(), token_seconds, ..Rules::default() }).await;
        let credential = |secret: &str| Credential {
            authorization: Authorization::ClientCredentials {
                token_url: format!("{}/oauth/token", gateway.origin).parse().unwrap(),
                client_id: "client".into(),
                client_secret: Secret::new(secret),
                scope: Some("API_READ".into()),
            },
            certificate: None,
        };
        let connector = connector(destination(&gateway.origin, peer::V2));
        let session = connector.session(credential("s+1")).unwrap();
        let service = session.metadata().await.unwrap();
        let item = json!({ "PurchaseOrder": "4500009004", "ItemNumber": "1" });
        for _ in 0..2 {
            session
                .change(&service, &Change::Create { set: "Items".into(), values: object(item.clone()) })
                .await
                .unwrap();
        }
        assert_eq!(gateway.count("POST /oauth/token"), tokens);
        let refused = connector.session(credential("wrong")).unwrap().metadata().await.unwrap_err();
        assert_eq!(refused, ODataError::NoToken("invalid_client".into()));
    }
    let elsewhere = Credential {
        authorization: Authorization::ClientCredentials {
            token_url: "https://evil.example/token".parse().unwrap(),
            client_id: "client".into(),
            client_secret: Secret::new("s"),
            scope: None,
        },
        certificate: None,
    };
    let refused = connector(destination(origin, peer::V2)).session(elsewhere).unwrap_err();
    assert_eq!(refused.word(), "address");
}

struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
    der: rustls::pki_types::CertificateDer<'static>,
}

fn authority(name: &str) -> Authority {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec![]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    let certificate = params.self_signed(&key).unwrap();
    Authority { pem: certificate.pem(), der: certificate.der().clone(), issuer: Issuer::new(params, key) }
}

/// A certificate and its key: DER for servers, PEM for clients.
fn signed(authority: &Authority, name: &str, usage: ExtendedKeyUsagePurpose) -> (rcgen::Certificate, KeyPair) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.extended_key_usages = vec![usage];
    (params.signed_by(&key, &authority.issuer).unwrap(), key)
}

fn acceptor(authority: &Authority) -> TlsAcceptor {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let (certificate, key) = signed(authority, "localhost", ExtendedKeyUsagePurpose::ServerAuth);
    let mut roots = RootCertStore::empty();
    roots.add(authority.der.clone()).unwrap();
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build().unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_client_cert_verifier(verifier).with_single_cert(vec![certificate.der().clone()], key);
    TlsAcceptor::from(Arc::new(config.unwrap()))
}

#[tokio::test]
async fn a_certificate_is_shown_to_a_server_that_wants_one() {
    let Some(origin) = peer::origin() else { return };
    let ours = authority("Ours");
    let other = authority("Other");
    let gateway = Gateway::start(origin, Rules { tls: Some(acceptor(&ours)), ..Rules::default() }).await;
    let with = |authority: &Authority, trusted: &Authority| {
        let (certificate, key) = signed(authority, "client", ExtendedKeyUsagePurpose::ClientAuth);
        let pem = Secret::new(format!("{}{}", certificate.pem(), key.serialize_pem()));
        let mut to = destination(&gateway.origin, peer::V2);
        to.hosts = millwright_odata::AllowedHosts::new(&[millwright_odata::AllowedHost {
            origin: gateway.origin.clone(),
            networks: vec!["127.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()],
        }]);
        to.authorities = trusted.pem.clone().into_bytes();
        let credential =
            Credential { authorization: Authorization::None, certificate: Some(ClientCertificate { pem }) };
        (connector(to), credential)
    };
    let (connector, credential) = with(&ours, &ours);
    assert!(connector.session(credential).unwrap().metadata().await.is_ok());
    assert!(connector.session(nobody()).unwrap().metadata().await.is_err(), "without a certificate");
    let (connector, credential) = with(&other, &ours);
    assert!(connector.session(credential).unwrap().metadata().await.is_err(), "of another authority");
    let (connector, credential) = with(&ours, &other);
    let untrusted = connector.session(credential).unwrap().metadata().await;
    assert_eq!(untrusted.unwrap_err(), ODataError::Unreachable, "a server that nobody trusted vouches for");
    let broken = Credential {
        authorization: Authorization::None,
        certificate: Some(ClientCertificate { pem: Secret::new("no pem") }),
    };
    assert!(matches!(connector.session(broken), Err(ODataError::Credential(_))));
}
