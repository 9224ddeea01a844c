using System.Collections.Concurrent;
using System.Globalization;
using Microsoft.Data.Sqlite;

namespace Mcp.EndToEnd.Harness;

/// <summary>
/// A service with a database under a writer from outside: each row that its container has committed is acknowledged here. The writer goes where the master's
/// record says that the service is, as clients go where its routes and names lead: nobody is led to a target before the commit. A connection in the container
/// keeps the database open, so it is in WAL mode with a log that nobody has checkpointed when it is stopped.
/// </summary>
internal sealed class RowService(PairFleet fleet, string name) : IAsyncDisposable
{
    /// <summary>busybox with this machine's sqlite3.</summary>
    public const string Image = "localhost/mcp-test/sqlite:1";

    private static readonly Lazy<Task> Made = new(MakeImageAsync);

    private readonly ConcurrentDictionary<long, string> _acknowledged = new();
    private readonly CancellationTokenSource _ending = new();
    private readonly SemaphoreSlim _turn = new(1);
    private Task _writing = Task.CompletedTask;
    private volatile bool _paused = true;
    private long _last;

    /// <summary>How many rows were acknowledged.</summary>
    public int Acknowledged => _acknowledged.Count;

    /// <summary>Makes the image, once a test run.</summary>
    public static Task EnsureImageAsync() => Made.Value;

    /// <summary>Its definition.</summary>
    public string Definition(string node) => $$"""
        name = "{{name}}"
        node = "{{node}}"   # where its disk is

        [[components]]
        name    = "{{name}}"
        image   = "{{Image}}"
        network = "host"
        cmd     = ["sh", "-c", "trap 'exit 0' TERM; mkfifo /tmp/q; sqlite3 /data/rows.db < /tmp/q & exec 3> /tmp/q; echo 'PRAGMA journal_mode=WAL; CREATE TABLE IF NOT EXISTS rows(n INTEGER PRIMARY KEY, v TEXT);' >&3; while true; do sleep 1 & wait $!; done"]
        volumes = ["/srv/{{name}}/data:/data"]

        [components.health]
        type     = "exec"
        cmd      = ["sqlite3", "/data/rows.db", "SELECT count(*) FROM rows"]
        interval = "500ms"
        timeout  = "10s"
        """;

    /// <summary>Deploys it and begins to write.</summary>
    public async Task StartAsync(string node)
    {
        Directory.CreateDirectory(fleet.Definitions);
        await File.WriteAllTextAsync(Path.Combine(fleet.Definitions, $"{name}.toml"), Definition(node));
        (await fleet.RunAsync("deploy", name)).OrThrow();
        _paused = false;
        _writing = Task.Run(WriteAsync);
    }

    /// <summary>Its check takes seconds from now on: time for a test to come between the start of a container and its first good check.</summary>
    public async Task TakeTimeForHealthAsync()
    {
        var file = Path.Combine(fleet.Definitions, $"{name}.toml");
        var definition = await File.ReadAllTextAsync(file);
        var slow = definition.Replace("""["sqlite3", "/data/rows.db", "SELECT count(*) FROM rows"]""", """["sh", "-c", "sleep 4; sqlite3 /data/rows.db 'SELECT count(*) FROM rows'"]""", StringComparison.Ordinal);
        if (slow == definition)
            throw new InvalidOperationException($"the check of {name} is another than this knows");
        await File.WriteAllTextAsync(file, slow);
        (await fleet.RunAsync("deploy", name)).OrThrow();
    }

    /// <summary>Waits until so many more rows were acknowledged.</summary>
    public Task UntilMoreAsync(int rows)
    {
        var wanted = Acknowledged + rows;
        return Wait.UntilAsync($"{rows} more rows are acknowledged", () => Task.FromResult(Acknowledged >= wanted), TimeSpan.FromMinutes(1), () => Task.FromResult(fleet.Printed));
    }

    /// <summary>Exactly one copy runs and has every row that was acknowledged before.</summary>
    /// <param name="because">After what.</param>
    /// <param name="node">Where it must run; null: anywhere.</param>
    /// <param name="kept">Only these rows are asked for.</param>
    /// <returns>Where it runs.</returns>
    public async Task<string> RequireWholeAsync(string because, string? node = null, IReadOnlySet<long>? kept = null)
    {
        await Wait.UntilAsync($"one copy of {name} runs ({because})", async () => await fleet.RunningOnAsync(name) is [_], TimeSpan.FromMinutes(1), async () => $"{await fleet.SeenAsync()}\n{fleet.Printed}");
        // What is acknowledged from now on is not asked for.
        var acknowledged = _acknowledged.Where(a => kept?.Contains(a.Key) ?? true).ToDictionary();
        var where = (await fleet.RunningOnAsync(name)).Single();
        if (node is not null && where != node)
            throw new InvalidOperationException($"{because}: it runs on {where}, not on {node}\n{fleet.Printed}");
        if ((await SqlAsync(where, "PRAGMA integrity_check")).Output.Trim() is var verdict and not "ok")
            throw new InvalidOperationException($"{because}: integrity_check says {verdict}");
        var rows = (await SqlAsync(where, "SELECT n || ' ' || v FROM rows")).OrThrow().Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).ToHashSet(StringComparer.Ordinal);
        var lost = acknowledged.Where(a => !rows.Contains($"{a.Key} {a.Value}")).Select(a => a.Key).Order().ToList();
        return lost.Count == 0 ? where : throw new InvalidOperationException($"{because}: {lost.Count} of {acknowledged.Count} acknowledged rows are lost, the first is {lost[0]}\n{fleet.Printed}");
    }

    /// <summary>What is acknowledged by now.</summary>
    public IReadOnlySet<long> Mark() => _acknowledged.Keys.ToHashSet();

    /// <summary>Ends the writing for a while; what was acknowledged until then is the answer.</summary>
    public async Task<IReadOnlySet<long>> PauseAsync()
    {
        _paused = true;
        await _turn.WaitAsync();
        _turn.Release();
        return Mark();
    }

    /// <summary>Goes on.</summary>
    /// <param name="kept">What the operator knows to be kept: rows that were acknowledged besides are given up by his word, and must not be there.</param>
    public async Task ResumeAsync(IReadOnlySet<long> kept)
    {
        var where = await RequireWholeAsync("of what is kept", kept: kept);
        var there = (await SqlAsync(where, "SELECT n FROM rows")).OrThrow().Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(n => long.Parse(n, CultureInfo.InvariantCulture)).ToHashSet();
        foreach (var given in _acknowledged.Keys.Except(kept).ToList())
        {
            if (there.Contains(given))
                throw new InvalidOperationException($"row {given} was given up, and is there");
            _acknowledged.TryRemove(given, out _);
        }
        _paused = false;
    }

    public async ValueTask DisposeAsync()
    {
        await _ending.CancelAsync();
        await _writing;
        _ending.Dispose();
        _turn.Dispose();
    }

    private async Task WriteAsync()
    {
        while (!_ending.IsCancellationRequested)
        {
            if (await WriteOneAsync(Owner()))
                continue;
            // It is stopped, or about to be elsewhere.
            await Task.Delay(50);
        }
    }

    private string Owner()
    {
        try
        {
            return Recorded() ?? PairFleet.Ant;
        }
        catch (SqliteException)
        {
            // A master that is just killed or started; the next look finds it.
            return PairFleet.Ant;
        }
    }

    private string? Recorded()
    {
        using var connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = fleet.MasterDatabase, Mode = SqliteOpenMode.ReadOnly, Pooling = false, DefaultTimeout = 10 }.ToString());
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = "SELECT node FROM placements WHERE service = $service";
        command.Parameters.AddWithValue("$service", name);
        return command.ExecuteScalar() as string;
    }

    private async Task<bool> WriteOneAsync(string node)
    {
        await _turn.WaitAsync();
        try
        {
            if (_paused)
                return false;
            var (n, v) = (Interlocked.Increment(ref _last), Guid.NewGuid().ToString("N"));
            var written = await SqlAsync(node, string.Create(CultureInfo.InvariantCulture, $"INSERT INTO rows VALUES({n}, '{v}') RETURNING n"));
            if (written.ExitCode != 0 || written.Output.Trim() != n.ToString(CultureInfo.InvariantCulture))
                return false;
            _acknowledged[n] = v;
            return true;
        }
        finally
        {
            _turn.Release();
        }
    }

    private Task<CommandResult> SqlAsync(string node, string sql) => fleet.PodmanAsync(node, "exec", name, "sqlite3", "-cmd", ".timeout 5000", "/data/rows.db", sql);

    private static async Task MakeImageAsync()
    {
        const string Script = """
            set -eu; tree=$(mktemp -d); trap 'rm -rf "$tree"' EXIT
            box=$(podman create "$1"); podman export "$box" | tar -C "$tree" -x; podman rm -f "$box" >/dev/null
            cp -L "$(command -v sqlite3)" "$tree/bin/sqlite3"
            ldd "$(command -v sqlite3)" | grep -o '/[^ ]*' | sort -u | while read -r library; do mkdir -p "$tree$(dirname "$library")"; cp -L "$library" "$tree$library"; done
            tar -C "$tree" -c . | podman import -q --change 'ENV PATH=/bin' --change 'CMD ["/bin/sh"]' - "$2" >/dev/null
            """;
        var environment = await TestPodman.EnvironmentAsync();
        (await Shell.RunAsync("bash", ["-c", Script, "bash", TestPodman.BusyboxImage, Image], environment)).OrThrow();
    }
}
