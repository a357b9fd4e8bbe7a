#
# Cookbook:: hosttrail
# Recipe:: balancer
#
# The balancer before the collectors.

hosttrail_balancer node['fqdn'] || node['hostname']
