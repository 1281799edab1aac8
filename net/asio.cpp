// The compiled part of Asio and Beast (BOOST_ASIO_SEPARATE_COMPILATION): once, rather than in every
// file that includes them.

#include <boost/asio/impl/src.hpp>
#include <boost/asio/ssl/impl/src.hpp>
#include <boost/beast/src.hpp>
