unified_mode true

provides :hosttrail_cost_sample
resource_name :hosttrail_cost_sample

description 'What auditing would cost on this host: what the audit rules of the fleet spec make is counted for some minutes and not kept.'

property :host_name, String,
         name_property: true,
         description: 'Name of the host in the sample, by which the groups of the fleet spec find it.'
property :minutes, Integer,
         default: lazy { node['hosttrail']['cost_sample']['minutes'] },
         callbacks: { 'allowed are whole minutes from 1 to 1440' => proc { |minutes| minutes.between?(1, 1440) } },
         description: 'For how long is counted.'
property :log, String,
         default: lazy { node['hosttrail']['cost_sample']['log'] },
         description: 'A log of auditd to count instead of what happens meanwhile.'
property :beside_daemon, [true, false],
         default: lazy { node['hosttrail']['cost_sample']['beside_daemon'] },
         description: 'Load the rules where auditd runs, which keeps what they make.'

action_class do
  include Hosttrail::Helpers

  def program
    '/usr/bin/hosttrail-agent'
  end

  def path_of(name)
    ::File.join('/var/lib/hosttrail-cost-sample', name)
  end

  def active?(unit)
    !shell_out('systemctl', 'is-active', '--quiet', unit).error?
  end

  def refuse(reason)
    raise "hosttrail_cost_sample: #{reason} Nothing was changed."
  end

  # Whether the rules of the spec are loaded: where the agent runs, its own are in the kernel.
  def loads?
    new_resource.log.empty? && node['hosttrail']['agent']['rules_manage'] == 'auto' && !active?('hosttrail-agent.service')
  end

  # What is taken away afterwards. It is written down before it comes, so that the next run makes good what one that is cut off leaves.
  def brought
    @brought ||=
      if ::File.exist?(path_of('brought'))
        # Whoever has configured the agent since then wants to keep it.
        ::File.exist?('/etc/hosttrail-agent/agent.yaml') ? [] : ::File.readlines(path_of('brought'), chomp: true) & traces
      elsif installed_version_of('hosttrail-agent').empty?
        traces.reject { |path| ::File.exist?(path) }
      else
        []
      end
  end

  def traces
    Hosttrail::Helpers::FOLDERS + Hosttrail::Helpers::REPOSITORY_FILES
  end

  # Whatever would make the run fail later is found here, before anything is changed.
  def preflight
    # A value from an attribute is checked when it is read.
    new_resource.minutes
    refuse('a sample runs here already (systemctl stop hosttrail-cost-sample ends it).') if active?('hosttrail-cost-sample.service')
    if new_resource.log.empty?
      container = shell_out('systemd-detect-virt', '--container')
      refuse("this is a container (#{container.stdout.strip}): the kernel's audit belongs to its host.") unless container.error?
    end
    if loads? && !new_resource.beside_daemon && active?('auditd.service')
      refuse('auditd runs here and would keep what the rules make. Allow that (beside_daemon), count by the rules that are there (rules_manage never), or count its log (log).')
    end
    return if ::File.exist?(path_of('brought')) || !installed_version_of('hosttrail-agent').empty?

    kept = Hosttrail::Helpers::FOLDERS.find { |folder| ::File.exist?(folder) }
    refuse("the package hosttrail-agent is not installed, and #{kept} is there, which would go with it after the sample. Purge what is left of the agent first.") if kept
  end

  def prepare
    directory path_of('') do
      owner 'root'
      group 'root'
      mode '0700'
    end
    return if brought.empty?

    private_file('brought', brought.map { |path| "#{path}\n" }.join)
    hosttrail_agent 'the package alone' do
      action :install_package
    end
  end

  def private_file(name, text)
    file path_of(name) do
      content text
      owner 'root'
      group 'root'
      mode '0600'
      backup false
    end
  end

  # Rules of the package by their sets, and the fleet's own.
  def rule_files
    return [] unless loads?

    own = node['hosttrail']['agent']['own_rules']
    private_file('own.rules', own) unless own.empty?
    sets = node['hosttrail']['agent']['rule_sets'].map { |name| "/usr/share/hosttrail-agent/rules/#{name}.rules" }
    own.empty? ? sets : sets + [path_of('own.rules')]
  end

  def words
    rules = rule_files
    what = new_resource.log.empty? ? "--minutes=#{new_resource.minutes}" : "--log=#{new_resource.log}"
    beside = rules.any? && new_resource.beside_daemon ? %w(--beside-daemon) : []
    ["--host=#{new_resource.host_name}", "--output=#{path_of('sample.json')}", what] + rules.map { |path| "--rules=#{path}" } + beside
  end

  # In a unit of its own: it ends by itself and takes its rules back, whatever becomes of this run.
  def count
    unit = ['systemd-run', '--unit=hosttrail-cost-sample', '--description=Counts what audit rules would make', '--wait', '--collect', '--pipe', '--quiet']
    result = shell_out(*unit, program, 'cost', 'sample', *words, timeout: new_resource.minutes * 60 + 300)
    raise "hosttrail_cost_sample: #{result.stderr.strip}" if result.error?
  end

  # Safe twice, and where a sample never began.
  def leave
    # The unit is gone where the sample has ended.
    shell_out('systemctl', 'stop', 'hosttrail-cost-sample.service')
    execute 'take back rules that a sample has left' do
      command [program, 'cost', 'release']
      # Only where it was killed, and its guard as well.
      only_if { ::File.exist?('/run/hosttrail-agent-sample/owner.json') }
    end
    take_away
    %w(own.rules brought).each do |name|
      file path_of(name) do
        action :delete
        backup false
      end
    end
    directory path_of('') do
      action :delete
      not_if { ::File.exist?(path_of('sample.json')) }
    end
  end

  def take_away
    return if brought.empty?

    hosttrail_agent 'the package alone' do
      action :remove_package
    end
    brought.each do |path|
      if Hosttrail::Helpers::FOLDERS.include?(path)
        directory path do
          recursive true
          action :delete
        end
      else
        file path do
          action :delete
          backup false
        end
      end
    end
  end
end

action :create, description: 'Count, where there is no sample yet, and leave the host as it was but for the sample.' do
  if !::File.exist?(path_of('sample.json'))
    preflight
    converge_by("count what audit rules would make (#{new_resource.log.empty? ? "#{new_resource.minutes} minutes" : new_resource.log})") do
      prepare
      count
    ensure
      leave
    end
  elsif ::File.exist?(path_of('brought'))
    leave
  end
end

action :delete, description: 'Take the sample away.' do
  directory path_of('') do
    recursive true
    action :delete
  end
end
