//! People who are signed in without the work of a password hash, and their authenticators.

use std::time::Duration;

use chrono::TimeDelta;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use millwright_audit::{Actor, AuditAction, AuditEvent, AuditKey};
use millwright_auth::{Grant, TokenIssuer, TokenRules};
use millwright_core::{
    Role, Sources, TenantScope,
    id::{SessionId, UserId},
};
use millwright_store::{
    Proof,
    tenant::{NewSession, NewUser, SignInMethod, Transport, UserKind},
};
use serde_json::{Value, json};
use totp_rs::Totp;

use super::{SECRET_KEY, Session, World, eventually, read};

/// Somebody with a session of their own and no password.
pub(crate) struct Somebody {
    pub(crate) user: UserId,
    pub(crate) session: SessionId,
    pub(crate) token: String,
}

impl World {
    /// Makes a user with this name and a session, as a sign-in would.
    pub(crate) async fn somebody(&self, tenant: &TenantScope, name: &str, role: Role) -> Somebody {
        let now = self.sources.now();
        let user = NewUser {
            id: self.sources.new_id(),
            kind: UserKind::Person,
            email: Some(format!("{}@a.test", self.sources.new_uuid().as_simple())),
            display_name: name.to_owned(),
            role,
            password_hash: None,
            local: true,
            created_at: now,
        };
        let key = AuditKey::derive(SECRET_KEY.as_bytes()).expect("key");
        let made = AuditEvent::new(
            &self.sources,
            tenant.tenant_id(),
            Actor::System("test"),
            AuditAction::UserCreated,
            user.id,
        );
        let mut tx = self.db().store.tenant(tenant).begin().await.expect("begin");
        tx.users().insert(&user).await.expect("insert user");
        tx.commit(Proof::Entry(&key.authenticate(&made).expect("entry"))).await.expect("commit");
        let session = self.session_of(tenant, user.id).await;
        Somebody { user: user.id, session, token: self.token(tenant, user.id, role, session) }
    }

    /// Begins one more session of a user.
    pub(crate) async fn session_of(&self, tenant: &TenantScope, user: UserId) -> SessionId {
        let now = self.sources.now();
        let session = NewSession {
            id: self.sources.new_id(),
            user_id: user,
            transport: Transport::Token,
            method: SignInMethod::Password,
            provider: None,
            second_factor: false,
            provider_tokens: None,
            address: Some("127.0.0.1".to_owned()),
            user_agent: Some("test".to_owned()),
            created_at: now,
            expires_at: now + TimeDelta::hours(12),
        };
        let key = AuditKey::derive(SECRET_KEY.as_bytes()).expect("key");
        let began =
            AuditEvent::new(&self.sources, tenant.tenant_id(), Actor::User(user), AuditAction::UserSignedIn, user);
        let mut tx = self.db().store.tenant(tenant).begin().await.expect("begin");
        tx.sessions().insert(&session).await.expect("insert session");
        tx.commit(Proof::Entry(&key.authenticate(&began).expect("entry"))).await.expect("commit");
        session.id
    }

    /// A token as a sign-in makes it.
    pub(crate) fn token(&self, tenant: &TenantScope, user: UserId, role: Role, session: SessionId) -> String {
        let grant = Grant {
            tenant_id: tenant.tenant_id(),
            user_id: user,
            role,
            session_id: session,
            access_version: 1,
            restricted: false,
        };
        let issuer = TokenIssuer::new(SECRET_KEY.as_bytes(), TokenRules::own(TimeDelta::hours(1))).expect("issuer");
        issuer.issue(&self.sources, &grant).expect("token").token
    }
}

/// A person's authenticator, as a phone that scanned the QR code.
pub(crate) struct Authenticator {
    totp: Totp,
    last_step: i64,
}

impl Authenticator {
    /// Takes the `otpauth://` address in.
    pub(crate) fn scan(uri: &str) -> Self {
        Self { totp: Totp::from_url(uri).expect("otpauth"), last_step: 0 }
    }

    /// A code that the server has not taken yet. Each works once, and the server takes those of the step before and after
    /// too, so that three can be had at once; for a fourth this waits.
    pub(crate) async fn code(&mut self) -> String {
        let now = || Sources::system().now().timestamp();
        // A step may end while the code is on its way.
        let next = || ((now() + 5) / 30 - 1).max(self.last_step + 1);
        eventually("the next code can be used", Duration::from_secs(70), async || next() <= now() / 30 + 1).await;
        self.last_step = next();
        self.totp.generate(u64::try_from(self.last_step * 30).expect("after 1970")).to_string()
    }
}

impl Session<'_> {
    /// Sets up a second factor, which uses one code.
    pub(crate) async fn enrol(&self) -> Authenticator {
        let (status, begun) = read(self.post("/api/v1/auth/totp", &json!({})).await).await;
        assert_eq!(status, 200, "{begun}");
        let mut authenticator = Authenticator::scan(begun["otpauth_uri"].as_str().expect("address"));
        let code = json!({ "code": authenticator.code().await });
        let (status, confirmed) = read(self.post("/api/v1/auth/totp/confirm", &code).await).await;
        assert_eq!(status, 200, "{confirmed}");
        authenticator
    }

    /// A step-up proof for a purpose, which uses one code.
    pub(crate) async fn step_up(&self, authenticator: &mut Authenticator, purpose: &str) -> String {
        let body = json!({ "purpose": purpose, "code": authenticator.code().await });
        let (status, stepped) = read(self.post("/api/v1/auth/step-up", &body).await).await;
        assert_eq!(status, 200, "{stepped}");
        stepped["proof"].as_str().expect("proof").to_owned()
    }
}

/// A development token with these claims.
pub(crate) fn dev_token(secret: &str, claims: &Value) -> String {
    millwright_auth::install_crypto();
    let key = EncodingKey::from_secret(secret.as_bytes());
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), claims, &key).expect("token")
}
