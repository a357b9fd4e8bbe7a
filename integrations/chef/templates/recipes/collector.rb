#
# Cookbook:: hosttrail
# Recipe:: collector
#
# A collector of one's own.

hosttrail_collector node['fqdn'] || node['hostname']
