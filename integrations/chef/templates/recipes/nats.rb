#
# Cookbook:: hosttrail
# Recipe:: nats
#
# A server of NATS, for the collectors.

hosttrail_nats node['fqdn'] || node['hostname']
