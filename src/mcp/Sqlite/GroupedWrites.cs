using System.Threading.Channels;
using Mcp.Errors;
using Microsoft.Data.Sqlite;

namespace Mcp.Sqlite;

/// <summary>
/// Group commit: writes that arrive while one transaction is being made durable share the next one, so that a thousand callers wait for a few
/// flushes of the disk and not for a thousand. Nobody waits for company: a write that comes alone is committed at once, and the slower the
/// disk, the larger the groups. A call returns when its own write is durable.
///
/// The writes run in the order of their arrival. When one of them throws, its group is undone and each is done again in a transaction of its
/// own, so that one caller's refusal is not another's: a write here must bear being run twice, which is so for whatever touches nothing but
/// the database.
/// </summary>
internal sealed class GroupedWrites : IAsyncDisposable
{
    /// <summary>Writes in one transaction: other writers of the database wait for no longer than these take, some 10 ms.</summary>
    private const int Group = 256;

    /// <summary>Writes that may wait: far more than callers of an honest fleet, and small enough not to hurt.</summary>
    private const int Waiting = 20_000;

    private readonly Channel<Pending> _queue = Channel.CreateBounded<Pending>(new BoundedChannelOptions(Waiting) { SingleReader = true });
    private readonly Database _database;
    private readonly Task _writer;

    /// <summary>Starts the writer, on a thread of its own: it sleeps in the disk, and the pool's threads are for calls.</summary>
    public GroupedWrites(Database database)
    {
        _database = database;
        _writer = Task.Factory.StartNew(Run, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
    }

    /// <summary>Runs <paramref name="write"/> in a transaction with others; it is durable when this returns, and undone when it throws.</summary>
    /// <exception cref="McpException">What the write itself throws, what <see cref="Database.Write{T}"/> throws, or ResourceExhausted: too many wait.</exception>
    public Task<T> WriteAsync<T>(Func<SqliteConnection, T> write)
    {
        var pending = new Pending<T>(write);
        if (!_queue.Writer.TryWrite(pending))
        {
            throw _queue.Reader.Completion.IsCompleted || _writer.IsCompleted
                ? new McpException(FaultCode.Unavailable, "the role is stopping and writes nothing more") { Hint = "try again" }
                : new McpException(FaultCode.ResourceExhausted, $"{Waiting} writes wait for the disk of {_database.Path}") { Hint = "later" };
        }
        return pending.Done;
    }

    /// <summary>As <see cref="WriteAsync{T}"/>, without a result.</summary>
    public Task WriteAsync(Action<SqliteConnection> write) => WriteAsync<object?>(connection =>
    {
        write(connection);
        return null;
    });

    /// <summary>Writes what waits, then ends.</summary>
    public async ValueTask DisposeAsync()
    {
        _queue.Writer.TryComplete();
        await _writer;
    }

    private void Run()
    {
        var group = new List<Pending>(Group);
        while (_queue.Reader.WaitToReadAsync().AsTask().GetAwaiter().GetResult())
        {
            while (group.Count < Group && _queue.Reader.TryRead(out var next))
                group.Add(next);
            Commit(group);
            group.Clear();
        }
    }

    private void Commit(List<Pending> group)
    {
        try
        {
            _database.Write(connection => group.ForEach(p => p.Run(connection)));
        }
        catch (Exception) when (group.Count > 1)
        {
            foreach (var one in group)
                Commit([one]);
            return;
        }
        catch (Exception e)
        {
            group[0].Fail(e);
            return;
        }
        group.ForEach(p => p.Succeed());
    }

    private abstract class Pending
    {
        public abstract void Run(SqliteConnection connection);

        public abstract void Succeed();

        public abstract void Fail(Exception e);
    }

    private sealed class Pending<T>(Func<SqliteConnection, T> write) : Pending
    {
        // The writer's thread must not run what its callers do next.
        private readonly TaskCompletionSource<T> _done = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private T? _result;

        public Task<T> Done => _done.Task;

        public override void Run(SqliteConnection connection) => _result = write(connection);

        public override void Succeed() => _done.SetResult(_result!);

        public override void Fail(Exception e) => _done.SetException(e);
    }
}
