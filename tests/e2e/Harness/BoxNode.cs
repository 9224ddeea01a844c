namespace Mcp.EndToEnd.Harness;

/// <summary>One node of a <see cref="FleetInABox"/>: a container with systemd as PID 1 and podman of its own inside.</summary>
internal sealed class BoxNode(string name, string address, string container)
{
    /// <summary>Its host name, as short as the tests call it.</summary>
    public string Name => name;

    /// <summary>Its IPv4 address on the fleet's network.</summary>
    public string Address => address;

    /// <summary>The outer container, for faults (kill, pause, network disconnect).</summary>
    public string Container => container;

    /// <summary>Runs a command in the node.</summary>
    public Task<CommandResult> RunAsync(params string[] command) => RunAsync(command, input: null);

    /// <summary>Runs a command in the node with its standard input.</summary>
    public Task<CommandResult> RunAsync(IReadOnlyList<string> command, Stream? input, TimeSpan? limit = null) =>
        TestPodman.RunAsync(["exec", .. input is null ? (string[])[] : ["-i"], container, .. command], input, limit);

    /// <summary>Copies a file of this machine into the node; its mode is kept.</summary>
    public async Task CopyInAsync(string source, string target) =>
        (await TestPodman.RunAsync(["cp", source, $"{container}:{target}"])).OrThrow();

    /// <summary>Writes a text file in the node; missing folders are made.</summary>
    public async Task WriteAsync(string target, string text)
    {
        using var input = new MemoryStream(System.Text.Encoding.UTF8.GetBytes(text));
        (await RunAsync(["sh", "-c", "mkdir -p \"$(dirname \"$1\")\" && cat > \"$1\"", "sh", target], input)).OrThrow();
    }

    /// <summary>Copies an image of this machine's podman into the node's own store: no registry is involved.</summary>
    public async Task LoadImageAsync(string image)
    {
        var archive = Path.Combine(Path.GetTempPath(), $"mcpt-{Guid.NewGuid():N}.tar");
        try
        {
            (await TestPodman.RunAsync(["save", "-q", "-o", archive, image])).OrThrow();
            await using var input = File.OpenRead(archive);
            (await RunAsync(["podman", "load", "-q"], input)).OrThrow();
        }
        finally
        {
            File.Delete(archive);
        }
    }

    /// <summary>Waits until systemd has finished starting.</summary>
    public Task WaitRunningAsync() => Wait.UntilAsync(
        $"systemd of {name} is running",
        async () => (await RunAsync("systemctl", "is-system-running")).Output.Trim() == "running",
        TimeSpan.FromMinutes(3),
        async () => (await RunAsync("sh", "-c", "systemctl is-system-running; systemctl --failed --no-legend; systemctl list-jobs --no-legend")).Output);

    /// <summary>The journal of a unit, for a failure message.</summary>
    public async Task<string> JournalAsync(string unit) => (await RunAsync("journalctl", "-u", unit, "-n", "80", "--no-pager", "-o", "cat")).Output;
}
