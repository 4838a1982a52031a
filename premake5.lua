-- Use the folder name to build the extension name and tag.
local ext = get_current_extension_info()
project_ext(ext)

-- Link only those folders into the extension target directory; project_ext links config/ itself.
repo_build.prebuild_link {
    { "data", ext.target_dir .. "/data" },
    { "docs", ext.target_dir .. "/docs" },
    { "omni", ext.target_dir .. "/omni" },
}

-- The extension manager shows the change log, which stands at the root as in any Python project.
repo_build.prebuild_copy {
    { "CHANGELOG.md", ext.target_dir },
}
