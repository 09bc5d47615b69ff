# What Rack and Sinatra made of a request, under Puma. The first line on stdout is {name: port}.
require 'json'
require 'rack'
require 'sinatra/base'
require 'puma'

class Echo < Sinatra::Base
  set :environment, :production
  enable :method_override
  disable :protection, :logging, :sessions, :static

  def said(route, *params)
    found = { method: request.request_method, host: request.host_with_port, route: route, params: params,
              query: { tree: request.GET }, form: { tree: request.POST }, merged: { tree: request.GET.merge(request.POST) } }
    request.body.rewind
    begin
      value = JSON.parse(request.body.read)
      found[:json] = value if value.is_a?(Hash) || value.is_a?(Array)
    rescue StandardError
      nil
    end
    content_type 'application/json'
    JSON.generate(found)
  end

  %w[get post put patch delete].each do |verb|
    send(verb, '/admin/*') { said('admin', params['splat'].join('/')) }
    send(verb, '/public/*') { said('public', params['splat'].join('/')) }
    send(verb, '/a/:id/b') { said('b', params['id']) }
    send(verb, '/v1/:x/:y') { said('v1', params['x'], params['y']) }
    send(verb, %r{.*}) { said('none') }
  end
end

server = Puma::Server.new(Echo, Puma::Events.null, min_threads: 1, max_threads: 4)
port = server.add_tcp_listener('127.0.0.1', 0).addr[1]
running = server.run
puts JSON.generate('rack' => port)
$stdout.flush
$stdin.read
server.stop(true)
running.join
