// Express 5 in its two ways of reading names, Fastify, and Node's own URL and URLSearchParams.
// Each listens on a port of its own; the first line on stdout is {name: port}.
import { createServer } from 'node:http'
import { once } from 'node:events'
import express from 'express'
import methodOverride from 'method-override'
import fastify from 'fastify'
import formbody from '@fastify/formbody'

const JSON_TYPES = ['json', '+json', 'text/json']
const pairs = given => ({
  pairs: Object.entries(given ?? {}).flatMap(([name, value]) => [value].flat().map(one => [name, one]))
})
const isForm = type => /^application\/x-www-form-urlencoded\b/i.test(type ?? '')

function anExpress(extended) {
  const app = express()
  const seen = given => (extended ? { tree: given ?? {} } : pairs(given))
  app.set('query parser', extended ? 'extended' : 'simple')
  app.set('trust proxy', true)
  app.disable('etag')
  app.use(methodOverride('X-HTTP-Method-Override'))
  app.use(methodOverride('_method'))
  app.use(express.json({ type: JSON_TYPES, limit: '10mb' }))
  app.use(express.urlencoded({ extended, limit: '10mb' }))
  const echo = route => (request, answer) => answer.json({
    method: request.method,
    host: request.host,
    route,
    params: Object.values(request.params).map(one => [one].flat().join('/')),
    query: seen(request.query),
    form: request.is('urlencoded') ? seen(request.body) : undefined,
    json: request.is(JSON_TYPES) ? request.body : undefined,
  })
  app.use('/admin/*rest', echo('admin'))
  app.use('/public/*rest', echo('public'))
  app.all('/a/:id/b', echo('b'))
  app.all('/v1/:x/:y', echo('v1'))
  app.use(echo('none'))
  app.use((error, request, answer, next) => answer.status(error.status ?? 500).json({ error: String(error) }))
  return createServer(app)
}

async function aFastify() {
  const app = fastify({ bodyLimit: 10 * 1024 * 1024, trustProxy: true })
  await app.register(formbody)
  app.addContentTypeParser(/^(application|text)\/(.+\+)?json$/, { parseAs: 'string' }, app.getDefaultJsonParser('error', 'ignore'))
  const echo = route => async request => ({
    method: request.method,
    host: request.host,
    route,
    params: route === 'none' ? [] : Object.values(request.params ?? {}),
    query: pairs(request.query),
    form: isForm(request.headers['content-type']) ? pairs(request.body) : undefined,
    json: isForm(request.headers['content-type']) ? undefined : request.body,
  })
  app.all('/admin/*', echo('admin'))
  app.all('/public/*', echo('public'))
  app.all('/a/:id/b', echo('b'))
  app.all('/v1/:x/:y', echo('v1'))
  app.setNotFoundHandler(async (request, answer) => answer.code(200).send(await echo('none')(request)))
  await app.ready()
  app.server.maxRequestsPerSocket = 0
  return app
}

const PATTERNS = [['admin', '/admin/*'], ['public', '/public/*'], ['b', '/a/:id/b'], ['v1', '/v1/:x/:y']]
  .map(([route, pathname]) => [route, new URLPattern({ pathname })])

function aFetch() {
  return createServer(async (request, answer) => {
    const chunks = []
    for await (const chunk of request) chunks.push(chunk)
    const url = new URL(request.url, `http://${request.headers.host}`)
    const sent = new Request(url, {
      method: request.method, headers: { 'content-type': request.headers['content-type'] ?? 'text/plain' },
      body: chunks.length && !['GET', 'HEAD'].includes(request.method) ? Buffer.concat(chunks) : undefined,
    })
    const [route, found] = PATTERNS.map(([route, pattern]) => [route, pattern.exec(url.href)]).find(([, found]) => found) ?? ['none']
    const form = await sent.clone().formData().catch(() => undefined)
    const json = await sent.json().catch(() => undefined)
    const said = JSON.stringify({
      method: request.method,
      host: url.host,
      route,
      params: Object.entries(found?.pathname.groups ?? {}).sort().map(([, one]) => one).map(one => { try { return decodeURIComponent(one) } catch { return one } }),
      query: { pairs: [...url.searchParams] },
      form: form && { pairs: [...form].map(([name, value]) => [name, typeof value === 'string' ? value : `file ${value.size}`]) },
      json,
    })
    answer.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(said) })
    answer.end(said)
  })
}

const ports = {}
for (const [name, server] of Object.entries({ 'express extended': anExpress(true), 'express simple': anExpress(false), 'node fetch': aFetch() })) {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  ports[name] = server.address().port
}
const app = await aFastify()
await app.listen({ port: 0, host: '127.0.0.1' })
ports.fastify = app.server.address().port
console.log(JSON.stringify(ports))
process.stdin.on('end', () => process.exit(0)).resume()
