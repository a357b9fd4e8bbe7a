unified_mode true

provides :hosttrail_rules
resource_name :hosttrail_rules

description 'Audit rules of your own, in the syntax of auditctl, as a file of the agent\'s rules.d.'

property :rule_name, String,
         name_property: true,
         regex: /\A[a-z0-9][a-z0-9-]*\z/,
         description: 'Name of the file, without .rules. Files are read in the order of their names.'
property :content, String, description: 'The rules.'

action_class do
  def rules_path
    "/etc/hosttrail-agent/rules.d/#{new_resource.rule_name}.rules"
  end

  # The agent reads its rules again; one that does not run yet reads them when it starts.
  def reload
    service 'hosttrail-agent' do
      action :reload
      only_if 'systemctl is-active --quiet hosttrail-agent'
    end
  end
end

action :create, description: 'Bring the rules.' do
  program = '/usr/bin/hosttrail-agent'
  rules = file rules_path do
    content new_resource.content
    owner 'root'
    group 'root'
    mode '0600'
    # A file with a line that is no rule never takes the place of one that is right.
    verify "#{program} rules check %{path}" if ::File.exist?(program)
  end
  reload if rules.updated_by_last_action?
end

action :delete, description: 'Take the rules away.' do
  rules = file rules_path do
    action :delete
  end
  reload if rules.updated_by_last_action?
end
