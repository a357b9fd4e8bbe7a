unified_mode true

provides :hosttrail_balancer
resource_name :hosttrail_balancer

description 'The balancer before several collectors. TLS goes through: it has no key. A unit of its own leaves a haproxy that is there alone.'

property :instance_name, String,
         name_property: true
property :collectors, Hash,
         coerce: proc(&:to_h),
         default: lazy { node['hosttrail']['collector']['addresses'] },
         description: 'Addresses of the collectors, by names of yours.'

action_class do
  include Hosttrail::Servers
end

action :install, description: 'Install, configure and run the balancer.' do
  package 'haproxy'
  collectors = new_resource.collectors
  raise "#{new_resource}: there are no collectors to balance. Nothing was changed." if collectors.empty?

  config = template '/etc/haproxy/hosttrail.cfg' do
    source 'balancer.cfg.erb'
    cookbook 'hosttrail'
    variables(ports: collector_ports, collectors: collectors)
    owner 'root'
    group 'root'
    mode '0644'
    verify 'haproxy -c -q -f %{path}' if ::File.exist?('/usr/sbin/haproxy')
  end
  unit = unit_file('hosttrail-balancer.service')
  run_part('hosttrail-balancer', config.updated_by_last_action? || unit)
end
