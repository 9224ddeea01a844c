using System.Globalization;

namespace Mcp.Cli.Doctor;

/// <summary>What containers of an ordinary user need of the machine: ranges of ids, the two helpers, a session that outlives the login, and tun for their network.</summary>
internal sealed class RootlessCheck() : DoctorCheck("rootless")
{
    /// <summary>A container's ids go from 0 to 65535.</summary>
    private const long Needed = 65536;

    /// <inheritdoc/>
    public override Task<IReadOnlyList<DoctorLine>> LookAsync(DoctorScene scene, CancellationToken cancel)
    {
        var id = scene.NodeUser;
        if (!scene.IsNode || id == 0)
            return Task.FromResult<IReadOnlyList<DoctorLine>>([]);
        var user = UserName(scene.ReadText("/etc/passwd"), id) ?? id.ToString(CultureInfo.InvariantCulture);
        var lines = new List<DoctorLine>();
        foreach (var file in (string[])["subuid", "subgid"])
            lines.AddRange(JudgeIds(file, user, Granted(scene.ReadText($"/etc/{file}"), user, id)));
        foreach (var helper in (string[])["newuidmap", "newgidmap"])
        {
            if (!((string[])["/usr/bin", "/bin", "/usr/local/bin", "/usr/sbin"]).Any(folder => File.Exists(Path.Combine(folder, helper))))
                lines.Add(Error($"{helper} is not installed", "apt-get install uidmap (Debian), or dnf install shadow-utils (Fedora)"));
        }
        if (Directory.Exists("/run/systemd/system") && !File.Exists($"/var/lib/systemd/linger/{user}"))
            lines.Add(Error($"{user} has no linger: its containers end with its last login and do not start at boot", $"loginctl enable-linger {user}"));
        if (FileFacts.EffectiveUser == id && !Directory.Exists(scene.Context.Variable("XDG_RUNTIME_DIR") ?? $"/run/user/{id}"))
            lines.Add(Error("there is no XDG_RUNTIME_DIR, where podman keeps its sockets", $"loginctl enable-linger {user}; without systemd: a folder of mode 0700, named by XDG_RUNTIME_DIR"));
        lines.AddRange(JudgeTun(File.Exists("/dev/net/tun"), FileFacts.EffectiveUser != id || FileFacts.CanReadAndWrite("/dev/net/tun")));
        if (lines.Count == 0)
            lines.Add(Ok($"{user} has subuids, subgids, linger and /dev/net/tun"));
        return Task.FromResult<IReadOnlyList<DoctorLine>>(lines);
    }

    /// <summary>The verdict on one of the two files.</summary>
    public IEnumerable<DoctorLine> JudgeIds(string file, string user, long granted)
    {
        var option = file == "subuid" ? "--add-subuids" : "--add-subgids";
        if (granted == 0)
            yield return Error($"/etc/{file} grants {user} nothing: images with more than one owner cannot be unpacked", $"usermod {option} 100000-165535 {user}   (a range that no other line has); then: podman system migrate");
        else if (granted < Needed)
            yield return Warning($"/etc/{file} grants {user} {granted} ids; images may use {Needed}", $"usermod {option} 100000-165535 {user}   (a range that no other line has); then: podman system migrate");
    }

    /// <summary>The verdict on the device of the containers' network.</summary>
    public IEnumerable<DoctorLine> JudgeTun(bool exists, bool usable)
    {
        if (!exists)
            yield return Error("/dev/net/tun does not exist: containers get no network", "modprobe tun; and to keep it: echo tun > /etc/modules-load.d/tun.conf");
        else if (!usable)
            yield return Error("/dev/net/tun may not be opened by this user: containers get no network", "chmod 0666 /dev/net/tun");
    }

    /// <summary>How many ids the lines <c>name:first:count</c> of a user come to; a user may be named by number.</summary>
    public static long Granted(string? text, string user, uint id) =>
        (text ?? "").Split('\n').Select(line => line.Trim().Split(':'))
            .Where(f => f.Length == 3 && (f[0] == user || f[0] == id.ToString(CultureInfo.InvariantCulture)))
            .Sum(f => long.TryParse(f[2], NumberStyles.None, CultureInfo.InvariantCulture, out var count) ? count : 0);

    /// <summary>The name of a user id, from the text of /etc/passwd.</summary>
    public static string? UserName(string? passwd, uint id) =>
        (passwd ?? "").Split('\n').Select(line => line.Split(':')).FirstOrDefault(f => f.Length > 2 && f[2] == id.ToString(CultureInfo.InvariantCulture))?[0];
}
