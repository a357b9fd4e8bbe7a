module Hosttrail
  # What the resources for one's own collectors share.
  module Servers
    include Hosttrail::Helpers

    def why_run?
      Chef::Config[:why_run]
    end

    # Ports that a collector listens at, and the balancer before it: that of the console only where it has a URL.
    def collector_ports
      settings = node['hosttrail']['collector']
      settings['ports'].to_h.reject { |name, _| name == 'console' && settings['console_url'].empty? }
    end

    # Values of the encrypted data bag item with the collectors' secrets, read once.
    def server_secret(name)
      node.run_state['hosttrail_collector_secrets'] ||= data_bag_item(*new_resource.data_bag_item.split('/')).to_h
      node.run_state['hosttrail_collector_secrets'].fetch(name) do
        raise "#{new_resource}: the data bag item #{new_resource.data_bag_item} has no #{name}. Nothing was changed."
      end
    end

    # Installs a package of a part in one exact version, from where the spec says.
    def install_part(package_name, wanted, file, sums)
      return if installed_version_of(package_name) == wanted

      sum = sums.dig(package_format, architecture['name']).to_s
      path = part_file(file, sum)
      found = ::File.exist?(path) ? ::Digest::SHA256.file(path).hexdigest : 'nothing'
      raise "#{new_resource}: #{path} has sha256 #{found}; the fleet spec wants sha256 #{sum}. Nothing was changed." unless found == sum || why_run?

      if package_format == 'deb'
        dpkg_package package_name do
          source path
          version wanted
        end
      else
        rpm_package package_name do
          source path
          version "#{wanted}-1"
          allow_downgrade true
        end
      end
    end

    # A unit's file; true where it changed.
    def unit_file(name)
      execute 'systemctl daemon-reload' do
        action :nothing
      end
      unit = cookbook_file "/etc/systemd/system/#{name}" do
        source name
        cookbook 'hosttrail'
        owner 'root'
        group 'root'
        mode '0644'
        notifies :run, 'execute[systemctl daemon-reload]', :immediately
      end
      unit.updated_by_last_action?
    end

    def run_part(unit, changed)
      running = !shell_out('systemctl', 'is-active', '--quiet', unit).error?
      service unit do
        action(changed && running ? %i(enable restart) : %i(enable start))
      end
    end

    private

    def part_file(file, sum)
      settings = node['hosttrail']['collector']
      return ::File.join(settings['artifact_directory'], file) if settings['artifact_source'] == 'file'

      raise "#{new_resource}: artifact_url has a user, a password, a token or a query in it. Nothing was changed." if secret_in?(settings['artifact_url'])

      path = ::File.join(Chef::Config[:file_cache_path], file)
      remote_file path do
        source "#{settings['artifact_url']}/#{file}"
        checksum sum
        mode '0600'
      end
      path
    end
  end
end
