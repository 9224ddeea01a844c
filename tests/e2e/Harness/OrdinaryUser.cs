using System.Globalization;

namespace Mcp.EndToEnd.Harness;

/// <summary>
/// An ordinary user of this machine, made for one test: a home, ranges of subordinate ids, a runtime folder (there is no login session that would
/// make one). What it ran is ended and its home is removed at the end. Needs root.
/// </summary>
internal sealed class OrdinaryUser : IAsyncDisposable
{
    private const string Tun = "/dev/net/tun";

    private readonly string _name = $"mcpt{Guid.NewGuid().ToString("N")[..8]}";
    private UnixFileMode? _tunBefore;
    private uint _id;

    private OrdinaryUser()
    {
    }

    /// <summary>Its home folder.</summary>
    public string Home => $"/home/{_name}";

    /// <summary>Makes it, or says why this machine cannot run containers without root.</summary>
    /// <returns>The user, or the reason.</returns>
    public static async Task<(OrdinaryUser? User, string? Reason)> TryCreateAsync()
    {
        if (!Environment.IsPrivilegedProcess)
            return (null, "only root can make another user");
        foreach (var program in new[] { "useradd", "setpriv", "newuidmap", "slirp4netns" })
        {
            if ((await Shell.RunAsync("sh", ["-c", $"PATH=$PATH:/usr/sbin command -v {program}"])).ExitCode != 0)
                return (null, $"{program} is not installed");
        }
        var user = new OrdinaryUser();
        try
        {
            await user.SetUpAsync();
            // Podman itself, without any of ours: what it cannot do here says nothing about us.
            var plain = await user.RunAsync("podman", "run", "--rm", "--network", "none", TestPodman.BusyboxImage, "true");
            if (plain.ExitCode == 0)
                return (user, null);
            await user.DisposeAsync();
            return (null, $"rootless podman runs no container here: {plain.Errors.Trim()}");
        }
        catch
        {
            await user.DisposeAsync();
            throw;
        }
    }

    /// <summary>Runs a program as this user.</summary>
    public Task<CommandResult> RunAsync(params string[] command) => Shell.RunAsync("setpriv", As(command), limit: TimeSpan.FromMinutes(3));

    /// <summary>Starts a program as this user; the caller reads, signals and disposes.</summary>
    public System.Diagnostics.Process Start(params string[] command) => Shell.Start("setpriv", As(command));

    public async ValueTask DisposeAsync()
    {
        if (_id != 0)
        {
            await RunAsync("podman", "rm", "-af", "-t", "0");
            foreach (var process in ProcessesOf(_id))
                await Shell.RunAsync("kill", ["-KILL", process]);
            await Wait.UntilAsync("nothing of the user runs any more", () => Task.FromResult(!ProcessesOf(_id).Any()));
            // Its images belong to subordinate ids, which only root or its own user namespace may remove.
            await Shell.RunAsync("userdel", ["-r", _name]);
            await Shell.RunAsync("rm", ["-rf", Home]);
        }
        if (_tunBefore is { } mode)
            File.SetUnixFileMode(Tun, mode);
    }

    private async Task SetUpAsync()
    {
        (await Shell.RunAsync("useradd", ["-m", "-d", Home, "-s", "/bin/sh", _name])).OrThrow();
        _id = uint.Parse((await Shell.RunAsync("id", ["-u", _name])).OrThrow().Output, CultureInfo.InvariantCulture);
        // useradd grants ranges where login.defs says so; one that no other line has is added where it does not.
        foreach (var (file, option) in new[] { ("/etc/subuid", "--add-subuids"), ("/etc/subgid", "--add-subgids") })
        {
            if (!File.ReadLines(file).Any(line => line.StartsWith($"{_name}:", StringComparison.Ordinal)))
                (await Shell.RunAsync("usermod", [option, string.Create(CultureInfo.InvariantCulture, $"{_id * 65536L}-{(_id * 65536L) + 65535}"), _name])).OrThrow();
        }
        foreach (var folder in new[] { Home, $"{Home}/run" })
            (await Shell.RunAsync("install", ["-d", "-m", "0700", "-o", _name, "-g", _name, folder])).OrThrow();
        if (File.Exists(Tun) && (File.GetUnixFileMode(Tun) & UnixFileMode.OtherWrite) == 0)
        {
            _tunBefore = File.GetUnixFileMode(Tun);
            File.SetUnixFileMode(Tun, _tunBefore.Value | UnixFileMode.OtherRead | UnixFileMode.OtherWrite);
        }
        if ((await TestPodman.EnvironmentAsync()).GetValueOrDefault("CONTAINERS_CONF") is { } settings)
            await GiveAsync(settings, "containers.conf", "0600");
        await GiveAsync(PublishedBinary.Path, "mcp", "0700");
        var archive = Path.Combine(Path.GetTempPath(), $"{_name}.tar");
        try
        {
            (await TestPodman.RunAsync(["save", "-q", "-o", archive, TestPodman.BusyboxImage])).OrThrow();
            await GiveAsync(archive, "busybox.tar", "0600");
        }
        finally
        {
            File.Delete(archive);
        }
        await RunAsync("podman", "load", "-q", "-i", $"{Home}/busybox.tar");
    }

    private async Task GiveAsync(string file, string name, string mode) =>
        (await Shell.RunAsync("install", ["-m", mode, "-o", _name, "-g", _name, file, $"{Home}/{name}"])).OrThrow();

    // A clean environment: nothing of root's may lead it into root's folders.
    private string[] As(string[] command) =>
    [
        $"--reuid={_name}", $"--regid={_name}", "--init-groups", "env", "-i", "-C", Home, $"HOME={Home}", $"USER={_name}", "PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
        $"XDG_RUNTIME_DIR={Home}/run", "NO_COLOR=1", $"MCP_CONFIG_DIR={Home}/dev/cli", .. File.Exists($"{Home}/containers.conf") ? (string[])[$"CONTAINERS_CONF={Home}/containers.conf"] : [],
        .. command,
    ];

    private static IEnumerable<string> ProcessesOf(uint id)
    {
        foreach (var folder in Directory.EnumerateDirectories("/proc").Where(f => char.IsAsciiDigit(Path.GetFileName(f)[0])))
        {
            string status;
            try
            {
                status = File.ReadAllText(Path.Combine(folder, "status"));
            }
            catch (IOException)
            {
                continue; // it has ended
            }
            if (status.Contains($"\nUid:\t{id}\t", StringComparison.Ordinal) && !status.Contains("\nState:\tZ", StringComparison.Ordinal))
                yield return Path.GetFileName(folder);
        }
    }
}
