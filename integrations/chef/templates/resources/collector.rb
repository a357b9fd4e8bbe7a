unified_mode true

provides :hosttrail_collector
resource_name :hosttrail_collector

description 'A collector: takes blocks from agents, gives hosts their certificates, answers questions.'

property :instance_name, String,
         name_property: true
property :nats_addresses, Array,
         coerce: proc(&:to_a),
         default: lazy { node['hosttrail']['collector']['nats_addresses'] },
         description: 'Addresses of the servers of NATS.'
property :data_bag_item, String,
         default: 'hosttrail/collector',
         description: 'BAG/ITEM of the encrypted data bag item with certificate, key, trust, ca_certificate, ca_key, mongodb_url, nats_password.'
property :listen_timeout_seconds, Integer,
         default: 60,
         description: 'Time in which the collector must listen, or the run fails.'

action_class do
  include Hosttrail::Servers

  FILES = {
    'server.crt' => 'certificate',
    'server.key' => 'key',
    'trust.crt' => 'trust',
    'ca.crt' => 'ca_certificate',
    'ca.key' => 'ca_key',
    'mongodb-url' => 'mongodb_url',
  }.freeze unless const_defined?(:FILES)

  def wait_for_ports(seconds)
    return if why_run?

    deadline = Time.now + seconds
    collector_ports.each do |name, port|
      begin
        Socket.tcp('127.0.0.1', port, connect_timeout: 1, &:close)
      rescue SystemCallError
        raise "#{new_resource}: the collector does not listen for #{name} at port #{port}: journalctl -u hosttrail-collector" if Time.now > deadline

        sleep 0.5
        retry
      end
    end
  end
end

action :install, description: 'Install, configure and run the collector, and wait until it listens.' do
  settings = node['hosttrail']['collector']
  secrets = FILES.values.to_h { |name| [name, server_secret(name)] }
  version = package_version(settings['version'])
  file_name = package_format == 'deb' ? "hosttrail-collector_#{version}_#{architecture['deb']}.deb" : "hosttrail-collector-#{version}-1.#{architecture['rpm']}.rpm"
  install_part('hosttrail-collector', version, file_name, settings['artifact_sha256'])
  # Before the package is there, as in why-run, there is no such user.
  account = why_run? ? 'root' : 'hosttrail-collector'
  files = FILES.map do |name, secret|
    file "/etc/hosttrail/#{name}" do
      content secrets[secret]
      owner account
      group account
      mode '0600'
      sensitive true
      backup false
    end
  end
  addresses = new_resource.nats_addresses
  password = server_secret('nats_password')
  files << template('/etc/hosttrail/collector.yaml') do
    source 'collector.yaml.erb'
    cookbook 'hosttrail'
    helpers(Hosttrail::Helpers)
    variables(settings: settings, addresses: addresses, password: password)
    owner account
    group account
    # It names NATS's password.
    mode '0600'
    sensitive true
    verify 'hosttrail-collector --check-config --config %{path}' if ::File.exist?('/usr/bin/hosttrail-collector')
  end
  run_part('hosttrail-collector', files.any?(&:updated_by_last_action?))
  wait_for_ports(new_resource.listen_timeout_seconds)
end
