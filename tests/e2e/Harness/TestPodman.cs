namespace Mcp.EndToEnd.Harness;

/// <summary>
/// Podman on this machine, made ready by the same shell function as in quickstart and test (packaging/podman.sh): as it is set up where a
/// plain run works, else with a containers.conf of our own. Holds the small image that every test may use.
/// </summary>
internal static class TestPodman
{
    /// <summary>Static busybox with all applets: a shell, httpd, nc.</summary>
    public const string BusyboxImage = "localhost/mcp-test/busybox:1";

    // One look per test run, whoever asks first.
    private static readonly Lazy<Task<IReadOnlyDictionary<string, string?>>> Ready = new(PrepareAsync);

    /// <summary>What must be in the environment of a podman, or of whatever starts one.</summary>
    public static Task<IReadOnlyDictionary<string, string?>> EnvironmentAsync() => Ready.Value;

    /// <summary>Runs podman.</summary>
    public static async Task<CommandResult> RunAsync(IReadOnlyList<string> arguments, Stream? input = null, TimeSpan? limit = null) =>
        await Shell.RunAsync("podman", arguments, await EnvironmentAsync(), input, limit);

    private static async Task<IReadOnlyDictionary<string, string?>> PrepareAsync()
    {
        const string Script = """
            set -eu; root=$1; . "$root/packaging/deps.sh"; . "$root/packaging/podman.sh"
            podman_ready; podman_import_busybox; printf '%s' "${CONTAINERS_CONF:-}"
            """;
        var result = await Shell.RunAsync("bash", ["-c", Script, "bash", Repository.Root], limit: TimeSpan.FromMinutes(10));
        var environment = new Dictionary<string, string?>();
        if (result.OrThrow().Output is { Length: > 0 } settings)
            environment["CONTAINERS_CONF"] = settings;
        return environment;
    }
}
