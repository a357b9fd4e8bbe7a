module Hosttrail
  # What the groups of a fleet spec give to a host: the same as the fleet's other modules do.
  module Groups
    module_function

    # The settings of a host: the fleet's, then its groups' in their order. Labels are added to, its own last.
    def settings(fleet, name, tags, labels)
      host = known(fleet, name)
      own = host['labels'].merge(labels.to_h)
      tags = host['tags'] + tags.to_a
      found = fleet['settings'].merge('labels' => fleet['settings']['labels'].merge(own))
      fleet['groups'].each do |group|
        next unless in?(group, name, tags, found['labels'])

        more = found['labels'].merge(group['settings'].fetch('labels', {}))
        found = found.merge(group['settings']).merge('labels' => more.merge(own))
      end
      found
    end

    # What the spec knows of a host; where not by its whole name, by the part before the first dot.
    def known(fleet, name)
      fleet['hosts'][name] || fleet['hosts'][name.split('.').first] || { 'labels' => {}, 'tags' => [] }
    end

    # Whether a host is in a group: each kind of match that is given must hold.
    def in?(group, name, tags, labels)
      (group['hosts'].empty? || group['hosts'].any? { |expression| name.match?(Regexp.new(expression, Regexp::IGNORECASE)) }) &&
        (group['tags'].empty? || (group['tags'] & tags).any?) &&
        group['labels'].all? { |key, value| labels[key] == value }
    end
  end
end
