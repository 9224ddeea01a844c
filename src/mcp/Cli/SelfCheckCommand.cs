using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Microsoft.Data.Sqlite;

namespace Mcp.Cli;

/// <summary>
/// <c>mcp self-check [host]</c>, hidden: proves that what was linked into the file works where it runs, without any other file. The build
/// runs it in an empty root. One line per part on stdout; exit 1 and the reason on stderr at the first part that does not work.
/// </summary>
internal static class SelfCheckCommand
{
    /// <summary>SQLite before this loses data or deletes files on inputs that we meet (packaging/sqlite/source.env says which).</summary>
    private const int OldestSqlite = 3_053_003;

    /// <param name="host">A name to resolve as well; none for no lookup.</param>
    /// <returns>The exit code.</returns>
    public static int Run(string? host)
    {
        try
        {
            Console.Out.WriteLine("sqlite " + CheckSqlite());
            Console.Out.WriteLine("openssl " + CheckCryptography());
            Console.Out.WriteLine("public roots " + CheckRoots());
            if (host is not null)
                Console.Out.WriteLine("resolve " + Resolve(host));
            return 0;
        }
        catch (Exception e) when (e is InvalidOperationException or SqliteException or CryptographicException or SocketException
            or DllNotFoundException or EntryPointNotFoundException or TypeInitializationException)
        {
            Console.Error.WriteLine($"self-check failed: {e.GetType().Name}: {e.Message} {e.InnerException?.Message}");
            return 1;
        }
    }

    private static string CheckSqlite()
    {
        using var connection = new SqliteConnection("Data Source=:memory:;Foreign Keys=True");
        connection.Open();
        // After the first connection: that is what registers the provider.
        var number = SQLitePCL.raw.sqlite3_libversion_number();
        if (number < OldestSqlite)
            throw new InvalidOperationException($"SQLite {number} is compiled in, at least {OldestSqlite} is needed");
        using var command = connection.CreateCommand();
        command.CommandText = "select sqlite_compileoption_used('THREADSAFE=1') and sqlite_compileoption_used('DEFAULT_FOREIGN_KEYS')";
        if (command.ExecuteScalar() is not 1L)
            throw new InvalidOperationException("SQLite is compiled without THREADSAFE=1 or DEFAULT_FOREIGN_KEYS");
        return connection.ServerVersion;
    }

    private static string CheckCryptography()
    {
        // The same calls that TLS and certificates make: keys, signatures, hashes, random numbers out of the linked OpenSSL.
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var text = RandomNumberGenerator.GetBytes(32);
        var signature = key.SignData(text, HashAlgorithmName.SHA256);
        if (!key.VerifyData(text, signature, HashAlgorithmName.SHA256))
            throw new InvalidOperationException("a fresh signature does not verify");
        var empty = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes("")));
        if (!empty.StartsWith("e3b0c442", StringComparison.Ordinal))
            throw new InvalidOperationException("SHA-256 is wrong");
        return SafeEvpPKeyHandle.OpenSslVersion.ToString("x", CultureInfo.InvariantCulture);
    }

    // Transport/SystemRoots.cs: the machine's store is neither trusted nor read here.
    private static string CheckRoots()
    {
        using var store = new X509Store(StoreName.Root, StoreLocation.LocalMachine);
        store.Open(OpenFlags.ReadOnly);
        return store.Certificates.Count == 0 ? "none" : throw new InvalidOperationException($"{store.Certificates.Count} public roots of this machine are loaded");
    }

    private static string Resolve(string host) => string.Join(' ', Dns.GetHostAddresses(host).Select(address => address.ToString()));
}
