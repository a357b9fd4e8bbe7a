unified_mode true

provides :hosttrail_nats
resource_name :hosttrail_nats

description 'A server of NATS with JetStream, for the collectors.'

property :server_name, String,
         name_property: true
property :addresses, Array,
         coerce: proc(&:to_a),
         default: lazy { node['hosttrail']['collector']['nats_addresses'] },
         description: 'Addresses of all servers of NATS; several make a cluster.'
property :data_bag_item, String,
         default: 'hosttrail/collector',
         description: 'BAG/ITEM of the encrypted data bag item with nats_password.'

action_class do
  include Hosttrail::Servers
end

action :install, description: 'Install, configure and run the server.' do
  settings = node['hosttrail']['collector']
  password = server_secret('nats_password')
  raise "#{new_resource}: nats_password must have 16 characters or more. Nothing was changed." if password.length < 16

  version = settings['nats_version']
  install_part('nats-server', version, "nats-server-v#{version}-#{architecture['deb']}.#{package_format}", settings['nats_sha256'])
  # Not the resource user, which wants a library of Ruby that not every client brings.
  execute 'make the user of NATS' do
    command %w(useradd --system --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin nats)
    not_if 'getent passwd nats'
  end
  directory '/etc/nats' do
    mode '0755'
  end
  name = new_resource.server_name
  addresses = new_resource.addresses
  config = template '/etc/nats/nats-server.conf' do
    source 'nats-server.conf.erb'
    cookbook 'hosttrail'
    helpers(Hosttrail::Helpers)
    variables(server_name: name, password: password, addresses: addresses, bytes: settings['nats_stream_bytes_max'])
    owner 'root'
    group 'nats'
    mode '0640'
    sensitive true
  end
  unit = unit_file('nats-server.service')
  run_part('nats-server', config.updated_by_last_action? || unit)
end
