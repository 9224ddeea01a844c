using System.Diagnostics;
using System.Text;
using System.Text.RegularExpressions;

namespace Mcp.EndToEnd.Harness;

/// <summary>
/// Kills a running role at its k-th durable call, counted over all of its threads (strace's own <c>when=</c> counts each thread alone, and
/// a thread pool never deals the same hand twice). strace holds every such call up for a moment before the kernel gets it and prints the
/// call at its entry; here the k-th line is answered by SIGKILL, so the call itself never happens.
///
/// What counts as a point, because a process killed on either side of it leaves another state behind:
/// <list type="bullet">
/// <item>the first of a run of <c>pwrite64</c>: SQLite writes the pages of one commit to its log in one run, so before it the transaction does
/// not exist, and during it the log ends in half a transaction;</item>
/// <item><c>fdatasync</c>, <c>fsync</c>: the commit is in the log (a killed process, unlike a power cut, loses no written page), what it allows
/// has not begun; or a file is written and not yet in its place;</item>
/// <item><c>rename</c>, <c>mkdir</c>, <c>unlink</c>, <c>rmdir</c>: names appear, change and go at once.</item>
/// </list>
/// Effects at podman lie between two such points, so each is killed before it (at the sync of its intent) and after it (at the next write).
///
/// The points of one role may time another fault as well: the death of its peer, a cut link (<see cref="PointAim.Act"/>).
/// </summary>
internal sealed partial class CrashPoint : IAsyncDisposable
{
    private const string Syncs = "fsync,fdatasync,rename,renameat,renameat2,mkdir,mkdirat,unlink,unlinkat,rmdir";

    // Long enough for the reader here to act on a busy machine; a commit has a handful of pages, so these may be shorter.
    private const int SyncPause = 40_000;
    private const int WritePause = 5_000;

    private readonly RoleProcess _role;
    private readonly PointAim _aim;
    private readonly Process _strace;
    private readonly Task _reading;
    private readonly TaskCompletionSource _killed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile int _seen;
    private string _last = "";

    private CrashPoint(RoleProcess role, PointAim aim, Process strace)
    {
        (_role, _aim, _strace) = (role, aim, strace);
        _reading = ReadAsync();
    }

    /// <summary>How many points that count were passed so far; the one that killed is among them.</summary>
    public int Seen => _seen;

    /// <summary>The call that was reached last: "fdatasync mcp.db-wal".</summary>
    public string Last => _last;

    /// <summary>Completed when the role has been killed, or what should happen instead has happened.</summary>
    public Task Killed => _killed.Task;

    /// <summary>Whether that is so.</summary>
    public bool HasKilled => _killed.Task.IsCompletedSuccessfully;

    /// <summary>Watches a running role from here on, and kills it at its <paramref name="killAt"/>-th point; 0: only counts.</summary>
    public static Task<CrashPoint> AttachAsync(RoleProcess role, int killAt) => AttachAsync(role, new PointAim(killAt));

    /// <summary>Watches a running role from here on, and does at one of its points what <paramref name="aim"/> says.</summary>
    public static async Task<CrashPoint> AttachAsync(RoleProcess role, PointAim aim)
    {
        var process = role.ProcessId;
        var strace = Shell.Start("strace",
        [
            "-f", "-y", "-s", "0", "-e", "signal=none", "-e", $"trace={Syncs},pwrite64",
            "-e", $"inject={Syncs}:delay_enter={SyncPause}", "-e", $"inject=pwrite64:delay_enter={WritePause}", "-p", $"{process}",
        ]);
        strace.StandardInput.Close();
        var point = new CrashPoint(role, aim, strace);
        await Wait.UntilAsync("strace is attached to every thread", () => Task.FromResult(IsTraced(process)), TimeSpan.FromSeconds(20));
        return point;
    }

    /// <summary>Starts a role and kills it at the k-th point of its start.</summary>
    public static async Task<CrashPoint> StartAsync(RoleProcess role, int killAt)
    {
        role.StartStopped();
        var process = role.ProcessId;
        await Wait.UntilAsync("it stands still", () => Task.FromResult(File.ReadAllText($"/proc/{process}/status").Contains("\nState:\tT", StringComparison.Ordinal)));
        var point = await AttachAsync(role, killAt);
        await role.SignalAsync("CONT");
        return point;
    }

    /// <summary>Starts a role and kills it at the k-th point of its start, if it gets there.</summary>
    /// <returns>Words for a report; empty: it did not get there, and runs.</returns>
    public static async Task<string> KillAtStartAsync(RoleProcess role, int k)
    {
        var point = await StartAsync(role, k);
        // It gets there within a moment or not at all.
        await Task.WhenAny(point.Killed, Task.Delay(TimeSpan.FromSeconds(3)));
        await point.DisposeAsync();
        return point.HasKilled ? $", and in the start after it at point {k}, {point.Last}" : "";
    }

    public async ValueTask DisposeAsync()
    {
        await LetGoAsync(_strace);
        await _reading;
        _strace.Dispose();
    }

    /// <summary>Ends a strace; what it held runs on.</summary>
    internal static async Task LetGoAsync(Process strace)
    {
        if (!strace.HasExited)
            await Shell.RunAsync("kill", ["-INT", $"{strace.Id}"]);
        // While it holds a call up it may not hear that; the kernel lets go of what a killed tracer held.
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(3));
        try
        {
            await strace.WaitForExitAsync(patience.Token);
        }
        catch (OperationCanceledException)
        {
            strace.Kill();
            using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(20));
            await strace.WaitForExitAsync(limit.Token);
        }
    }

    /// <summary>Whether a tracer holds every thread of a process, or it has ended.</summary>
    internal static bool IsTraced(int process)
    {
        var threads = $"/proc/{process}/task";
        foreach (var thread in Directory.Exists(threads) ? Directory.EnumerateDirectories(threads) : [])
        {
            try
            {
                if (File.ReadAllText(Path.Combine(thread, "status")).Contains("\nTracerPid:\t0\n", StringComparison.Ordinal))
                    return false;
            }
            catch (IOException)
            {
                // It ended meanwhile.
            }
        }
        return true;
    }

    private async Task ReadAsync()
    {
        var text = new StringBuilder();
        var buffer = new char[4096];
        var (writing, killing) = (false, false);
        int read;
        while ((read = await _strace.StandardError.ReadAsync(buffer)) > 0)
        {
            text.Append(buffer, 0, read);
            var whole = text.ToString();
            var end = 0;
            foreach (Match match in Call().Matches(whole))
            {
                end = match.Index + match.Length;
                var name = match.Groups[1].Value;
                // The pages of one commit are one point.
                var sameRun = name == "pwrite64" && writing;
                writing = name == "pwrite64";
                if (sameRun || killing || !_aim.Counts())
                    continue;
                _last = $"{name} {Path.GetFileName(match.Groups[2].Value)}".TrimEnd();
                if (++_seen != _aim.At)
                    continue;
                killing = _aim.Act is null;
                if (killing)
                    _role.KillNow();
                else if (!HasKilled)
                    Act(_aim.Act!);
            }
            text.Remove(0, end);
        }
        // strace ends with its last thread; read to its end, so that it never stands in the way of the one that is killed.
        if (!killing)
            return;
        await _role.EndedAsync();
        _killed.TrySetResult();
    }

    private void Act(Action act)
    {
        try
        {
            act();
            _killed.TrySetResult();
        }
        catch (Exception e)
        {
            // Here only the reader of strace would hear of it, which must go on reading.
            _killed.TrySetException(e);
        }
    }

    // At a call's entry strace has printed its name and, with -y, the path of its descriptor; a call on a name has its opening parenthesis only.
    [GeneratedRegex(@"\b(?:(pwrite64|fsync|fdatasync)\(\d+<([^>]*)>|(?<1>rename(?:at2?)?|mkdir(?:at)?|unlink(?:at)?|rmdir)\((?<2>))")]
    private static partial Regex Call();
}
