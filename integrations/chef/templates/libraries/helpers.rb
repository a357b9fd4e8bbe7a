require 'erb'
require 'json'

module Hosttrail
  # What resources and templates of this cookbook share.
  module Helpers
    ARCHITECTURES = {
      'x86_64' => { 'name' => 'x64', 'deb' => 'amd64', 'rpm' => 'x86_64' },
      'aarch64' => { 'name' => 'arm64', 'deb' => 'arm64', 'rpm' => 'aarch64' },
    }.freeze

    # Room that installing and upgrading takes, in MiB.
    FREE_MIB = 300

    # What comes with the package, and to get it.
    FOLDERS = %w(/etc/hosttrail-agent /var/lib/hosttrail-agent).freeze
    REPOSITORY_FILES = %w(
      /etc/apt/sources.list.d/hosttrail.sources
      /etc/apt/keyrings/hosttrail.asc
      /etc/yum.repos.d/hosttrail.repo
      /etc/zypp/repos.d/hosttrail.repo
      /etc/pki/rpm-gpg/RPM-GPG-KEY-hosttrail
    ).freeze

    # JSON without spaces and with its own characters, keys in order: as all modules of the fleet write it.
    def json(value)
      JSON.generate(in_order(value))
    end

    # A text as a part of a URL.
    def url_part(text)
      ERB::Util.url_encode(text)
    end

    # Whether a URL has a part in which a secret can be: what is before an @, a query, a fragment.
    def secret_in?(url)
      url.match?(/[@?#]/)
    end

    # How package managers call this host's architecture.
    def architecture
      ARCHITECTURES.fetch(node['kernel']['machine']) do |machine|
        raise "There are packages for #{ARCHITECTURES.keys.join(', ')}; this host is #{machine}. Nothing was changed."
      end
    end

    # deb or rpm.
    def package_format
      platform_family?('debian') ? 'deb' : 'rpm'
    end

    # As dpkg and rpm order it: 1.0.0~rc.1 is before 1.0.0.
    def package_version(version)
      version.tr('-', '~')
    end

    def package_file(version)
      if package_format == 'deb'
        "hosttrail-agent_#{package_version(version)}_#{architecture['deb']}.deb"
      else
        "hosttrail-agent-#{package_version(version)}-1.#{architecture['rpm']}.rpm"
      end
    end

    # The enrolment token, for hosts that need one: of the run state, or of an encrypted data bag item BAG/ITEM.
    def enrollment_token(data_bag_item)
      node.run_state['hosttrail_enrollment_token'] || data_bag_item(*data_bag_item.split('/'))['token']
    end

    # The version of a package that is installed; empty for none.
    def installed_version_of(name)
      command =
        if package_format == 'deb'
          "dpkg-query --show --showformat='${db:Status-Status} ${Version}' #{name} | sed -n 's/^installed //p'"
        else
          "rpm -q --queryformat '%{VERSION}' #{name}"
        end
      result = shell_out(command)
      result.error? ? '' : result.stdout.strip
    end

    private

    def in_order(value)
      case value
      when Hash then value.to_h { |key, item| [key.to_s, in_order(item)] }.sort.to_h
      when Array then value.map { |item| in_order(item) }
      else value
      end
    end
  end
end
