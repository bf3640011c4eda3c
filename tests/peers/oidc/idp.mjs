// A real OpenID provider (panva/oidc-provider) on loopback. There is no form: `login_hint` says who signs in.
//
// Its one argument is JSON; everything may be left out:
//   port                      0 takes a free one
//   redirect_uris             where sign-ins may come back to
//   post_logout_redirect_uris where sign-outs may come back to
//   users                     { id: claims }, see below
//   algorithm                 of all signatures, RS256 or ES256
//   lean_id_tokens            true: claims about the person stand in user info only
//
// Clients: `millwright-web` (secret `web-secret`: sign-in, refresh), `millwright-public` (the same without a secret) and
// `svc-acme` (secret `svc-secret`: client credentials, tenant acme, role operator).
//
// For tests, on the same port:
//   POST /test/keys  { "keep_old": true }   signs with a new key from now on; `false` withdraws the ones before
//   POST /test/users { "anna": { … } }      changes claims of users; null removes one
//   GET  /test/requests                     how often each path was asked for
import { generateKeyPairSync, randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import { pathToFileURL } from 'node:url'

const library = pathToFileURL(process.env.OIDC_PROVIDER_MODULE)
const { default: Provider } = await import(library)
const { default: MemoryAdapter } = await import(new URL('adapters/memory_adapter.js', library))
const settings = JSON.parse(process.argv[2] ?? '{}')
const algorithm = settings.algorithm ?? 'RS256'
const audience = 'urn:millwright:api'
const users = settings.users ?? {
  anna: { tenant_id: 'acme', role: 'admin', email: 'anna@acme.test', email_verified: true, name: 'Anna' },
  bert: { tenant_id: 'globex', role: 'operator', email: 'bert@globex.test', email_verified: true, name: 'Bert' },
}

function newKey() {
  const pair = algorithm === 'ES256' ? generateKeyPairSync('ec', { namedCurve: 'P-256' }) : generateKeyPairSync('rsa', { modulusLength: 2048 })
  return { ...pair.privateKey.export({ format: 'jwk' }), kid: randomUUID(), use: 'sig', alg: algorithm }
}

const web = {
  redirect_uris: settings.redirect_uris ?? ['http://127.0.0.1:21099/cb'],
  post_logout_redirect_uris: settings.post_logout_redirect_uris ?? ['http://127.0.0.1:21099/'],
  grant_types: ['authorization_code', 'refresh_token'],
  response_types: ['code'],
  id_token_signed_response_alg: algorithm,
}
const clients = [
  { client_id: 'millwright-web', client_secret: 'web-secret', ...web },
  { client_id: 'millwright-public', token_endpoint_auth_method: 'none', ...web },
  {
    client_id: 'svc-acme',
    client_secret: 'svc-secret',
    redirect_uris: [],
    response_types: [],
    grant_types: ['client_credentials'],
    scope: 'api:run',
    id_token_signed_response_alg: algorithm,
  },
]

// A provider's keys are fixed; another one with other keys takes over sessions and grants, which lie in the adapter's module.
function provider(issuer, keys) {
  const made = new Provider(issuer, {
    adapter: (model) => new MemoryAdapter(model),
    jwks: { keys },
    clients,
    pkce: { required: () => true },
    scopes: ['openid', 'offline_access', 'api:run'],
    claims: { openid: ['sub', 'amr', 'tenant_id', 'role'], email: ['email', 'email_verified'], profile: ['name'] },
    conformIdTokenClaims: settings.lean_id_tokens ?? false,
    findAccount: async (_context, id) => users[id] && { accountId: id, claims: async () => ({ sub: id, ...users[id] }) },
    extraTokenClaims: async (_context, token) => {
      if (token.kind === 'ClientCredentials') return { tenant_id: 'acme', role: 'operator' }
      const user = users[token.accountId]
      return user && { tenant_id: user.tenant_id, role: user.role }
    },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      revocation: { enabled: true },
      rpInitiatedLogout: { enabled: true },
      resourceIndicators: {
        enabled: true,
        // Without an API in mind a sign-in gets a token for user info.
        defaultResource: (context) => (context.oidc.params?.grant_type === 'client_credentials' ? audience : undefined),
        useGrantedResource: () => true,
        getResourceServerInfo: () => ({
          scope: 'api:run',
          audience,
          accessTokenFormat: 'jwt',
          accessTokenTTL: 600,
          jwt: { sign: { alg: algorithm } },
        }),
      },
    },
    issueRefreshToken: async (_context, client, code) => client.grantTypeAllowed('refresh_token') && code.scopes.has('offline_access'),
    rotateRefreshToken: true,
    interactions: { url: (_context, interaction) => `/interaction/${interaction.uid}` },
    cookies: { keys: ['a key for tests'] },
    ttl: { Session: 3600, Grant: 3600, Interaction: 600, IdToken: 600, AccessToken: 600, RefreshToken: 86400 },
  })
  made.on('server_error', (_context, error) => console.error(error))
  made.use(async (context, next) => {
    if (!context.path.startsWith('/interaction/')) return next()
    const { prompt, params, session } = await made.interactionDetails(context.req, context.res)
    let result
    if (prompt.name === 'login') {
      const known = users[params.login_hint]
      result = known ? { login: { accountId: params.login_hint, amr: ['pwd'] } } : { error: 'access_denied', error_description: 'unknown user' }
    } else {
      const grant = new made.Grant({ accountId: session.accountId, clientId: params.client_id })
      grant.addOIDCScope(params.scope)
      grant.addOIDCClaims(['tenant_id', 'role', 'email', 'email_verified', 'name'])
      result = { consent: { grantId: await grant.save() } }
    }
    await made.interactionFinished(context.req, context.res, result, { mergeWithLastSubmission: true })
  })
  return made.callback()
}

const server = createServer()
await new Promise((resolve) => server.listen(settings.port ?? 0, '127.0.0.1', resolve))
const issuer = `http://127.0.0.1:${server.address().port}`
let keys = [newKey()]
let serve = provider(issuer, keys)
const requests = {}

async function test(request, response) {
  let body = ''
  for await (const part of request) body += part
  const wanted = body ? JSON.parse(body) : {}
  if (request.url === '/test/keys') {
    keys = [newKey(), ...(wanted.keep_old ? keys : [])]
    serve = provider(issuer, keys)
  } else if (request.url === '/test/users') {
    for (const [id, claims] of Object.entries(wanted)) {
      if (claims) users[id] = { ...users[id], ...claims }
      else delete users[id]
    }
  }
  response.setHeader('content-type', 'application/json')
  response.end(JSON.stringify(requests))
}

server.on('request', (request, response) => {
  const path = request.url.split('?')[0]
  if (path.startsWith('/test/')) return void test(request, response)
  requests[path] = (requests[path] ?? 0) + 1
  serve(request, response)
})
console.log(JSON.stringify({ issuer }))
// Whoever started it may be killed without a chance to end it.
process.stdin.on('end', () => process.exit(0)).resume()
