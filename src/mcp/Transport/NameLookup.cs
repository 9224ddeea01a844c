using System.Runtime.InteropServices;

namespace Mcp.Transport;

/// <summary>
/// How host, user and group names are looked up. A static glibc would load whatever modules the node's nsswitch.conf names, built for the
/// node's C library and not for ours: a crash or a silent miss, depending on the node. The modules <c>files</c> and <c>dns</c> are inside
/// glibc since 2.34, so these alone are used, on every node alike. Call it first thing in the process, before any thread resolves a name.
/// </summary>
internal static partial class NameLookup
{
    /// <summary>Binds the lookups to the built-in modules. Without effect on a C library that does not have the call.</summary>
    public static void UseBuiltInModules()
    {
        try
        {
            // The result says only whether the database name is known; these three are.
            Configure("hosts", "files dns");
            Configure("passwd", "files");
            Configure("group", "files");
        }
        catch (EntryPointNotFoundException)
        {
            // A JIT build on musl: its lookups have no modules in the first place.
        }
    }

    [LibraryImport("libc", EntryPoint = "__nss_configure_lookup", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Configure(string database, string services);
}
