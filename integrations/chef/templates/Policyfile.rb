name 'hosttrail'
default_source :chef_repo, '..'
run_list 'hosttrail::default'
cookbook 'hosttrail', path: '.'
